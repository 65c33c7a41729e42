package dev.berth.runtime.task;

import static java.lang.System.Logger.Level.WARNING;

import dev.berth.base.BerthException;
import dev.berth.base.Operation;
import dev.berth.runtime.spec.ContainerState;
import dev.berth.runtime.spec.Hooks;
import dev.berth.runtime.spec.RuntimeSpec;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The hooks of one container that run in the runtime's namespaces, and what all of its hooks are
 * told: runtime.md and config.md of the runtime-spec.
 */
final class ContainerHooks {
  private static final System.Logger LOG = System.getLogger(ContainerHooks.class.getName());

  private final BerthInit program;
  private final String id;
  private final Path bundle;
  private final RuntimeSpec spec;
  private final Hooks hooks;

  /**
   * @param program stays the caller's
   */
  ContainerHooks(BerthInit program, String id, Path bundle, RuntimeSpec spec) {
    this.program = program;
    this.id = id;
    this.bundle = bundle;
    this.spec = spec;
    this.hooks = Hooks.of(spec.hooks());
  }

  Hooks hooks() {
    return hooks;
  }

  /**
   * Runs what comes before the container's root is changed; the first that fails ends it.
   *
   * @param operation may have less time left than the hooks
   */
  void runBeforePivot(int pid, Operation operation) {
    byte[] state = state("creating", pid);
    runAll("prestart", hooks.prestart(), state, operation);
    runAll("createRuntime", hooks.createRuntime(), state, operation);
  }

  /** Runs what comes after the container's program was started; the first that fails ends it. */
  void runAfterStart(int pid) {
    runAll("poststart", hooks.poststart(), state("running", pid), Operation.internal("run hooks"));
  }

  /** Runs what comes after the container was deleted; one that fails is logged. */
  void runAfterStop() {
    byte[] state = state("stopped", null);
    for (int i = 0; i < hooks.poststop().size(); i++) {
      try {
        Hooks.Hook hook = hooks.poststop().get(i);
        HookProcess.run(program, field("poststop", i), hook, state, hook.limit());
      } catch (BerthException e) {
        LOG.log(WARNING, "container " + id + ": a hook failed", e);
      }
    }
  }

  private void runAll(String point, List<Hooks.Hook> hooks, byte[] state, Operation operation) {
    for (int i = 0; i < hooks.size(); i++) {
      operation.check();
      Hooks.Hook hook = hooks.get(i);
      HookProcess.run(program, field(point, i), hook, state, operation.remaining(hook.limit()));
    }
  }

  private static String field(String point, int index) {
    return "hooks." + point + "[" + index + "]";
  }

  /** What a hook is told; the process is numbered as the hook would see it. */
  byte[] state(String status, @Nullable Integer pid) {
    return new ContainerState(
            RuntimeSpec.OCI_VERSION, id, status, pid, bundle.toString(), spec.annotations())
        .toJson();
  }
}
