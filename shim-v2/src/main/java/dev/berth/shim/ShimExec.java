package dev.berth.shim;

import dev.berth.base.BerthException;
import dev.berth.base.BerthException.Kind;
import dev.berth.runtime.task.ExecSpec;
import dev.berth.runtime.task.TaskExit;
import dev.berth.runtime.task.TaskProcess;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * A further process of a container, from its registration by Exec over Start to its Delete.
 *
 * <p>Guarded by the lock of its {@link ShimTask}, but for the reading of its exit.
 */
final class ShimExec {
  private final String execId;
  private final Stdio stdio;
  private final @Nullable ExecSpec spec;
  private final CompletableFuture<TaskExit> told = new CompletableFuture<>();
  private volatile @Nullable Running running;
  private boolean stdinClosed;

  /** A process that was started, and the watch over its end. */
  record Running(TaskProcess process, ProcessExit exit) {}

  private ShimExec(String execId, Stdio stdio, @Nullable ExecSpec spec, @Nullable Running running) {
    this.execId = execId;
    this.stdio = stdio;
    this.spec = spec;
    if (running != null) {
      started(running.process(), running.exit());
    }
  }

  static ShimExec registered(ExecSpec spec, Stdio stdio) {
    return new ShimExec(spec.execId(), stdio, spec, null);
  }

  /** Found again after this shim's predecessor was killed. */
  static ShimExec adopted(String execId, Stdio stdio, TaskProcess process, ProcessExit exit) {
    return new ShimExec(execId, stdio, null, new Running(process, exit));
  }

  String execId() {
    return execId;
  }

  Stdio stdio() {
    return stdio;
  }

  /** Returns what to start, unless it was started. */
  ExecSpec requireStartable() {
    if (running != null || spec == null) {
      throw new BerthException(Kind.FAILED_PRECONDITION, "exec " + execId + ": already started");
    }
    return spec;
  }

  void started(TaskProcess process, ProcessExit exit) {
    running = new Running(process, exit);
    var _ = exit.told().thenAccept(told::complete);
  }

  void closeStdin() {
    stdinClosed = true;
  }

  boolean isStdinClosed() {
    return stdinClosed;
  }

  /** Ends the wait for an exec that will never be started. */
  void concluded(TaskExit how) {
    told.complete(how);
  }

  Optional<Running> running() {
    return Optional.ofNullable(running);
  }

  /** Returns the started process. FAILED_PRECONDITION if there is none yet. */
  Running requireRunning() {
    return running()
        .orElseThrow(() ->
            new BerthException(Kind.FAILED_PRECONDITION, "exec " + execId + ": was not started"));
  }

  /** Completes when its end has been told; one may wait for it before it is started. */
  CompletableFuture<TaskExit> told() {
    return told.copy();
  }
}
