package dev.berth.sandbox;

import static dev.berth.base.BerthException.Kind.DEADLINE_EXCEEDED;
import static dev.berth.base.BerthException.Kind.FAILED_PRECONDITION;
import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import com.google.protobuf.ByteString;
import dev.berth.base.BerthException;
import dev.berth.base.Ids;
import dev.berth.base.Operation;
import dev.berth.runtime.kernel.EventLoop;
import dev.berth.shim.client.ExecTask;
import dev.berth.shim.client.TaskExit;
import dev.berth.shim.client.TaskProcess;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Runs a command in a running container and collects what it prints. Thread-safe. */
final class ExecSync implements AutoCloseable {
  private static final System.Logger LOG = System.getLogger(ExecSync.class.getName());

  /** How long output may still come after the command has ended: from children it left behind. */
  static final Duration DRAIN_LIMIT = Duration.ofSeconds(2);

  /** What a heap of 192 MiB bears, answers under way included, whose bytes are copied twice. */
  private static final long BUDGET_BYTES = 32 << 20;

  private final Tasks tasks;
  private final PodPaths paths;
  private final OutputBudget budget = new OutputBudget(BUDGET_BYTES);

  @GuardedBy("this") private @Nullable EventLoop loop;

  ExecSync(Tasks tasks, PodPaths paths) {
    this.tasks = tasks;
    this.paths = paths;
  }

  ExecResult run(Container container, List<String> command, Duration timeout, Operation operation) {
    container.concerns(operation);
    if (command.isEmpty()) {
      throw new BerthException(INVALID_ARGUMENT, "cmd of ExecSync is empty");
    }
    if (!(container.currentState() instanceof ContainerState.Running)) {
      throw new BerthException(
          FAILED_PRECONDITION,
          "container " + container.id() + " is not running: it is " + container.describe());
    }
    operation.enter(ExecSyncStage.PIPES);
    TaskProcess process = new TaskProcess(container.id(), Ids.generate());
    try (OutputPipes pipes = OutputPipes.create(budget, loop())) {
      operation.enter(ExecSyncStage.PROCESS);
      Deadline deadline = new Deadline(timeout, Instant.now());
      int exitCode =
          tasks.hasExtension(container.id())
              ? runAtOnce(process, command, pipes, deadline, operation)
              : runInSteps(
                  process,
                  ProcessJson.of(paths.bundle(container.id()), command, false),
                  pipes,
                  deadline,
                  operation);
      pipes.drain(DRAIN_LIMIT);
      return new ExecResult(pipes.stdoutBytes(), pipes.stderrBytes(), exitCode);
    }
  }

  /** Made when it is first needed: many nodes never run a command. */
  private synchronized EventLoop loop() {
    EventLoop running = loop;
    if (running == null) {
      running = EventLoop.start("exec-output");
      loop = running;
    }
    return running;
  }

  /** Stops reading the output of commands that still run. Idempotent. */
  @Override
  public synchronized void close() {
    if (loop != null) {
      loop.close();
    }
  }

  /** The shim does it all, and sees to it that nothing is left. */
  private int runAtOnce(
      TaskProcess process,
      List<String> command,
      OutputPipes pipes,
      Deadline deadline,
      Operation operation) {
    operation.enter(ExecSyncStage.OUTPUT);
    Duration left = operation.remaining(deadline.left());
    try {
      int exitCode = tasks.run(process, pipes.asTaskIo(), command, left, operation);
      pipes.writerIsThere();
      return exitCode;
    } catch (BerthException e) {
      throw named(e, deadline);
    }
  }

  private int runInSteps(
      TaskProcess process,
      ByteString processJson,
      OutputPipes pipes,
      Deadline deadline,
      Operation operation) {
    tasks.exec(new ExecTask(process, pipes.asTaskIo(), processJson), operation);
    try {
      int _ = tasks.start(process, operation);
      operation.enter(ExecSyncStage.OUTPUT);
      pipes.writerIsThere();
      return tasks.waitFor(process, operation.remaining(deadline.left())).status();
    } catch (BerthException e) {
      kill(process);
      throw named(e, deadline);
    } finally {
      free(process);
    }
  }

  private static BerthException named(BerthException failure, Deadline deadline) {
    if (failure.kind() != DEADLINE_EXCEEDED) {
      return failure;
    }
    return new BerthException(
        DEADLINE_EXCEEDED,
        "command did not end within " + deadline.timeout().toMillis() + " ms and was killed",
        failure);
  }

  /** The time a command has. */
  private record Deadline(Duration timeout, Instant start) {
    Duration left() {
      if (timeout.isZero()) {
        return Tasks.FOREVER;
      }
      Duration left = timeout.minus(Duration.between(start, Instant.now()));
      return left.isNegative() ? Duration.ZERO : left;
    }
  }

  /** Waits for the end as well: the caller is told that the process is gone. */
  private void kill(TaskProcess process) {
    try {
      if (tasks.kill(process, CriSignals.SIGKILL, Operation.internal("kill command"))) {
        TaskExit _ = tasks.waitFor(process, Tasks.LIMIT);
      }
    } catch (BerthException e) {
      LOG.log(System.Logger.Level.WARNING, "cannot kill command " + process, e);
    }
  }

  private void free(TaskProcess process) {
    try {
      tasks.deleteExec(process, Operation.internal("free command"));
    } catch (BerthException e) {
      // The shim frees it with its container at the latest.
      LOG.log(System.Logger.Level.WARNING, "cannot free command " + process, e);
    }
  }
}
