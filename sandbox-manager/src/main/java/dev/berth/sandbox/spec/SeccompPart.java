package dev.berth.sandbox.spec;

import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;

import dev.berth.base.BerthException;
import dev.berth.runtime.spec.RuntimeSpec;
import dev.berth.runtime.spec.Seccomp;
import java.util.HashSet;
import java.util.Set;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** Writes the system call filter. */
final class SeccompPart implements SpecAdjuster {
  private final Function<Set<String>, Seccomp> runtimeDefault;

  SeccompPart(Function<Set<String>, Seccomp> runtimeDefault) {
    this.runtimeDefault = runtimeDefault;
  }

  @Override
  public RuntimeSpec adjust(RuntimeSpec spec, SpecInput input) {
    Seccomp filter = filter(input);
    return filter == null ? spec : SpecParts.linux(spec, linux -> linux.seccomp(filter));
  }

  private @Nullable Seccomp filter(SpecInput input) {
    if (input.isPrivileged()) {
      return null;
    }
    return switch (SeccompChoice.of(input.security())) {
      case SeccompChoice.Unconfined _ -> null;
      case SeccompChoice.RuntimeDefault _ ->
          runtimeDefault.apply(new HashSet<>(PrivilegesPart.granted(input)));
      case SeccompChoice.Localhost(var file) ->
          input
              .localhostSeccomp()
              .orElseThrow(() ->
                  new BerthException(
                      INVALID_ARGUMENT, "seccomp profile " + file + " was not read"));
    };
  }
}
