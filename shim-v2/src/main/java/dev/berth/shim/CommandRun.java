package dev.berth.shim;

import static java.lang.System.Logger.Level.WARNING;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.berth.base.Operation;
import dev.berth.runtime.kernel.EventLoop;
import dev.berth.runtime.kernel.EventLoop.Interest;
import dev.berth.runtime.task.Command;
import dev.berth.runtime.task.ExecSpec;
import dev.berth.runtime.task.Task;
import dev.berth.runtime.task.TaskExit;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.jspecify.annotations.Nullable;

/**
 * One command in a container, from its start to its end.
 *
 * <p>A command is a talk with a berth-init, a few words that come within a millisecond each. One
 * platform thread leads it, so that none of them wakes a second thread before this one; only who
 * runs longer is left to the event loop.
 */
final class CommandRun {
  private static final System.Logger LOG = System.getLogger(CommandRun.class.getName());

  private static final ExecutorService THREADS =
      Executors.newCachedThreadPool(
          Thread.ofPlatform().name("shim-command-thread-", 0).daemon().factory());

  /** How long the thread stays with a command that has been started. */
  private static final Duration SOON = Duration.ofMillis(20);

  private final EventLoop loop;
  private final CompletableFuture<TaskExit> ended = new CompletableFuture<>();

  @GuardedBy("this") private @Nullable Command command;

  @GuardedBy("this") private boolean killed;

  private CommandRun(EventLoop loop) {
    this.loop = loop;
  }

  /** Begins; what goes wrong is told by {@link #ended}. */
  static CommandRun begin(Task task, ExecSpec spec, EventLoop loop, Operation operation) {
    var run = new CommandRun(loop);
    THREADS.execute(() -> run.lead(task, spec, operation));
    return run;
  }

  private void lead(Task task, ExecSpec spec, Operation operation) {
    try {
      follow(started(task.startCommand(spec, operation)), SOON);
    } catch (RuntimeException | Error e) {
      fail(e);
    }
  }

  /** Outermost of its thread: who waits must learn of it, and nothing may go on unseen. */
  private void fail(Throwable failure) {
    if (!ended.completeExceptionally(failure)) {
      LOG.log(WARNING, "a command that has ended is not freed", failure);
    }
    Command left;
    synchronized (this) {
      left = command;
    }
    if (left != null) {
      close(left);
    }
  }

  private synchronized Command started(Command started) {
    command = started;
    if (killed) {
      started.kill();
    }
    return started;
  }

  private void follow(Command running, Duration patience) {
    Optional<TaskExit> exit = running.await(patience);
    if (exit.isPresent()) {
      ended.complete(exit.get());
      close(running);
    } else {
      var _ =
          loop.once(
              running.exitSignal(),
              Interest.READABLE,
              EventLoop.Run.VIRTUAL,
              () -> noticed(running));
    }
  }

  private void noticed(Command running) {
    try {
      follow(running, Duration.ZERO);
    } catch (RuntimeException | Error e) {
      fail(e);
    }
  }

  /** After the answer: berth-init takes a moment to be gone. */
  private void close(Command over) {
    synchronized (this) {
      command = null;
    }
    over.close();
  }

  /** Kills the process, at once or as soon as there is one. Idempotent. */
  synchronized void kill() {
    killed = true;
    if (command != null) {
      command.kill();
    }
  }

  /** How it ended, or why it was not started: a BerthException. Not to be completed by others. */
  CompletableFuture<TaskExit> ended() {
    return ended;
  }
}
