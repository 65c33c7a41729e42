package dev.berth.runtime.spec;

import java.util.List;
import org.jspecify.annotations.Nullable;

/** What {@code hooks} must satisfy: config.md of the runtime-spec, "POSIX-platform Hooks". */
final class HookRules {
  private HookRules() {}

  static void check(Field field, @Nullable Hooks hooks) {
    Hooks given = Hooks.of(hooks);
    each(field.child("prestart"), given.prestart());
    each(field.child("createRuntime"), given.createRuntime());
    each(field.child("createContainer"), given.createContainer());
    each(field.child("startContainer"), given.startContainer());
    each(field.child("poststart"), given.poststart());
    each(field.child("poststop"), given.poststop());
  }

  private static void each(Field field, List<Hooks.Hook> hooks) {
    for (int i = 0; i < hooks.size(); i++) {
      hook(field.element(i), hooks.get(i));
    }
  }

  private static void hook(Field field, Hooks.Hook hook) {
    field.child("path").requireAbsolute(hook.path());
    ProcessRules.environment(field.child("env"), hook.env());
    field
        .child("timeout")
        .require(hook.timeout() == null || hook.timeout() > 0, "must be greater than 0");
  }
}
