package dev.berth.sandbox;

import static dev.berth.base.BerthException.Kind.CANCELLED;
import static dev.berth.base.BerthException.Kind.FAILED_PRECONDITION;
import static dev.berth.base.BerthException.Kind.INTERNAL;
import static dev.berth.base.BerthException.Kind.NOT_FOUND;
import static dev.berth.base.BerthException.Kind.UNAVAILABLE;
import static dev.berth.base.BerthException.Kind.UNIMPLEMENTED;
import static java.lang.System.Logger.Level.WARNING;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import com.google.protobuf.ByteString;
import dev.berth.base.BerthException;
import dev.berth.base.Operation;
import dev.berth.proto.shim.types.Mount;
import dev.berth.shim.client.CreateTask;
import dev.berth.shim.client.ExecTask;
import dev.berth.shim.client.Shim;
import dev.berth.shim.client.TaskClient;
import dev.berth.shim.client.TaskExit;
import dev.berth.shim.client.TaskIo;
import dev.berth.shim.client.TaskProcess;
import dev.berth.shim.client.TaskState;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * The tasks of containers: which shim has which, and what can be asked of it.
 *
 * <p>Every call has a deadline, the operation's or {@link #LIMIT} if that comes first. Thread-safe.
 */
final class Tasks {
  private static final System.Logger LOG = System.getLogger(Tasks.class.getName());
  private static final Duration FIRST_PAUSE = Duration.ofMillis(50);
  private static final Duration LAST_PAUSE = Duration.ofSeconds(5);
  private static final int START_ATTEMPTS = 3;
  private static final long RETRY_PAUSE_NANOS = 20_000_000;

  /** How long a shim may take for one call: what runs a program can take seconds under load. */
  static final Duration LIMIT = Duration.ofSeconds(60);

  /** For a command that may take as long as it likes. */
  static final Duration FOREVER = Duration.ofDays(365);

  /** How long the successor of a killed shim may take. */
  static final Duration RESUME_LIMIT = Duration.ofSeconds(30);

  /** How often a shim must deny a task whose process is there: over six seconds, by the pauses. */
  private static final int UNKNOWN_ATTEMPTS = 8;

  private final HandlerShims shims;
  private final PodPaths paths;
  private final Map<String, Held> tasks = new ConcurrentHashMap<>();

  /** A task and the shim that has it, or that is still looked for. */
  private static final class Held {
    final CompletableFuture<Shim> shim;
    final ReentrantLock freeing = new ReentrantLock();

    @GuardedBy("freeing") boolean freed;

    Held(CompletableFuture<Shim> shim) {
      this.shim = shim;
    }

    /** Waits for the shim if it is still looked for. */
    Shim shim(String containerId, Duration limit) {
      try {
        return shim.get(limit.toNanos(), TimeUnit.NANOSECONDS);
      } catch (ExecutionException | TimeoutException e) {
        throw new BerthException(
            UNAVAILABLE, "the shim of container " + containerId + " is not there yet", e);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new BerthException(CANCELLED, "interrupted while a shim is looked for", e);
      }
    }

    /** The same; empty if the search has ended and nobody is there. */
    Optional<Shim> shimIfFound(String containerId, Duration limit) {
      try {
        return Optional.of(shim(containerId, limit));
      } catch (BerthException e) {
        if (shim.isCompletedExceptionally()) {
          return Optional.empty();
        }
        throw e;
      }
    }
  }

  Tasks(HandlerShims shims, PodPaths paths) {
    this.shims = shims;
    this.paths = paths;
  }

  /** Starts the shim for a container, or finds the one that will have it. */
  void launch(String containerId, RuntimeHandler handler, Operation operation) {
    Shim shim = shims.launch(containerId, handler, operation);
    hold(containerId, shim);
    shims.keep(containerId, handler, shim);
  }

  /**
   * Finds the shim that had a container when its record was written.
   *
   * @throws BerthException UNAVAILABLE if it is gone, NOT_FOUND if none was ever started
   */
  void adopt(String containerId, RuntimeHandler handler, Duration timeout) {
    hold(containerId, shims.adopt(containerId, handler, timeout));
  }

  /**
   * Finds the shim that has a task and asks it for the task's state, however long that takes. One
   * that takes its tasks over is started until it comes up, since its containers run on; one that
   * is frozen is asked again, as is one that knows no such task although its process is there.
   *
   * @return empty if nobody wants it any more
   * @throws BerthException UNAVAILABLE if the shim is gone for good; NOT_FOUND if none was ever
   *     started, or it knows no such task and says so for some seconds if the process is there
   */
  Optional<TaskState> adoptSurely(String containerId, RuntimeHandler handler, TaskSearch search) {
    Duration pause = FIRST_PAUSE;
    int unknown = 0;
    while (true) {
      Duration patience = search.patience();
      if (patience.isZero()) {
        return Optional.empty();
      }
      try {
        adopt(containerId, handler, patience);
        return Optional.of(state(containerId, patience));
      } catch (BerthException e) {
        unknown = e.kind() == NOT_FOUND ? unknown + 1 : 0;
        boolean wanted = search.patience().isPositive(); // else the connection may be closed
        if (wanted && isFinal(e, containerId, handler, unknown, search)) {
          Held expected = tasks.get(containerId);
          if (expected != null) {
            abandon(containerId, expected);
          }
          throw e;
        }
        LOG.log(
            WARNING, "the shim of " + containerId + " does not come up or answer, asking again", e);
      }
      LockSupport.parkNanos(pause.toNanos());
      pause = pause.compareTo(LAST_PAUSE) < 0 ? pause.multipliedBy(2) : LAST_PAUSE;
    }
  }

  private boolean isFinal(
      BerthException answer,
      String containerId,
      RuntimeHandler handler,
      int unknown,
      TaskSearch search) {
    return switch (answer.kind()) {
      case NOT_FOUND -> unknown >= UNKNOWN_ATTEMPTS || !search.isAlive();
      case UNAVAILABLE -> !shims.isTakenOver(containerId, handler);
      default -> false;
    };
  }

  /** Creates the task; its process waits. */
  void create(
      String containerId,
      List<Mount> rootfs,
      TaskIo io,
      RuntimeHandler handler,
      Operation operation) {
    var task =
        new CreateTask(containerId, paths.bundle(containerId), rootfs, io, shims.options(handler));
    int _ = ask(containerId, operation, client -> client.create(task, operation.remaining(LIMIT)));
  }

  /** Starts the task or an exec and returns its pid. */
  int start(TaskProcess process, Operation operation) {
    return ask(
        process.containerId(),
        operation,
        client -> client.start(process, operation.remaining(LIMIT)));
  }

  /**
   * Starts the task of a container and returns its pid, also if the shim dies meanwhile: one that
   * takes the tasks over knows how far the other came.
   */
  int startSurely(String containerId, RuntimeHandler handler, Operation operation) {
    TaskProcess init = TaskProcess.init(containerId);
    for (int attempt = 1; ; attempt++) {
      try {
        return start(init, operation);
      } catch (BerthException e) {
        boolean again =
            e.kind() == UNAVAILABLE
                && attempt < START_ATTEMPTS
                && shims.isTakenOver(containerId, handler);
        if (!again) {
          throw e;
        }
        LOG.log(WARNING, "lost the shim of " + containerId + " during its start", e);
      }
      Optional<TaskState> now = adoptSurely(containerId, handler, new Start(operation));
      operation.check();
      if (now.isPresent() && now.get().status() != TaskState.Status.CREATED) {
        return now.get().pid();
      }
    }
  }

  /** Looks for a task that is being started. */
  private record Start(Operation operation) implements TaskSearch {
    @Override
    public Duration patience() {
      return operation.isCancelled() ? Duration.ZERO : operation.remaining(RESUME_LIMIT);
    }

    @Override
    public boolean isAlive() {
      return false; // created by the shim that died: its successor knows it, or nobody
    }
  }

  void exec(ExecTask exec, Operation operation) {
    tell(
        exec.process().containerId(),
        operation,
        client -> client.exec(exec, operation.remaining(LIMIT)));
  }

  /** Sends a signal; says whether the process was there to get it. */
  boolean kill(TaskProcess process, int signal, Operation operation) {
    try {
      tell(
          process.containerId(),
          operation,
          client -> client.kill(process, signal, false, operation.remaining(LIMIT)));
      return true;
    } catch (BerthException e) {
      if (e.kind() == NOT_FOUND) {
        return false;
      }
      throw e;
    }
  }

  /**
   * Kills the first process of a task that is to be deleted. Some runtimes send no signal to what
   * was not started, and delete it all the same; then that says whether it was to be.
   *
   * @return whether there is an end to wait for
   */
  boolean end(String containerId, Operation operation) {
    try {
      return kill(TaskProcess.init(containerId), CriSignals.SIGKILL, operation);
    } catch (BerthException e) {
      if (e.kind() != INTERNAL || hasExtension(containerId)) {
        throw e;
      }
      LOG.log(WARNING, "cannot kill the task of " + containerId + " before it is deleted", e);
      return false;
    }
  }

  TaskState state(String containerId, Duration timeout) {
    return require(containerId).tasks().state(TaskProcess.init(containerId), timeout);
  }

  /** Waits for the end of an exec. */
  TaskExit waitFor(TaskProcess process, Duration timeout) {
    return require(process.containerId()).tasks().waitFor(process, timeout);
  }

  /** Returns a future of the end of a task; it fails with UNAVAILABLE if the shim is lost first. */
  CompletableFuture<TaskExit> exit(String containerId) {
    try {
      return require(containerId).tasks().exit(TaskProcess.init(containerId));
    } catch (BerthException e) { // before the call was made, which is no other case to anybody
      return CompletableFuture.failedFuture(e);
    }
  }

  /** Ends an exec's input, once nothing is left of it in the pipe. */
  void closeStdin(TaskProcess process, Operation operation) {
    tell(
        process.containerId(),
        operation,
        client -> client.closeStdin(process, operation.remaining(LIMIT)));
  }

  /** Sets the size of a process's terminal, in characters. */
  void resize(TaskProcess process, int rows, int columns, Operation operation) {
    tell(
        process.containerId(),
        operation,
        client -> client.resizePty(process, columns, rows, operation.remaining(LIMIT)));
  }

  /** Returns the directory of a task by which one attaches; only where {@link #hasExtension}. */
  Path locate(String containerId, Operation operation) {
    return ask(
        containerId,
        operation,
        client -> client.locate(TaskProcess.init(containerId), operation.remaining(LIMIT)));
  }

  /** Tells whether a container's shim is there: its successor, if it was killed. */
  boolean isAnswering(String containerId) {
    Held held = tasks.get(containerId);
    return held != null
        && held.shim.state() == Future.State.SUCCESS
        && !held.shim.resultNow().isLost();
  }

  /** Tells whether the shim of a container is Berth's own, which knows more than the standard. */
  boolean hasExtension(String containerId) {
    return require(containerId).record().adoptsTasks();
  }

  /**
   * Runs a process that is like the container's first one in all but its arguments, from its start
   * to its end, in one call; only where {@link #hasExtension}.
   *
   * @return its exit code
   * @throws BerthException DEADLINE_EXCEEDED if it was killed after the timeout
   */
  int run(
      TaskProcess process, TaskIo io, List<String> args, Duration timeout, Operation operation) {
    return ask(process.containerId(), operation, client -> client.run(process, io, args, timeout));
  }

  /**
   * Makes the log of a container go on in a new file. On return that exists, and the old one gets
   * no further line.
   *
   * @throws BerthException UNIMPLEMENTED by a shim that is not Berth's
   */
  void reopenLog(String containerId, Path log, Operation operation) {
    if (!hasExtension(containerId)) {
      throw new BerthException(
          UNIMPLEMENTED,
          "ReopenContainerLog: the shim of container " + containerId + " cannot reopen logs");
    }
    tell(
        containerId,
        operation,
        client -> client.reopenLog(containerId, log, operation.remaining(LIMIT)));
  }

  /** Stops all processes of a running task where they are. */
  void pause(String containerId, Operation operation) {
    tell(containerId, operation, client -> client.pause(containerId, operation.remaining(LIMIT)));
  }

  /** Lets them go on. */
  void resume(String containerId, Operation operation) {
    tell(containerId, operation, client -> client.resume(containerId, operation.remaining(LIMIT)));
  }

  /** The same, also when the shim was killed and its successor is not there yet. Idempotent. */
  void resumeSurely(String containerId) {
    long deadline = System.nanoTime() + RESUME_LIMIT.toNanos();
    while (true) {
      try {
        require(containerId).tasks().resume(containerId, LIMIT);
        return;
      } catch (BerthException e) {
        if (e.kind() != UNAVAILABLE || System.nanoTime() > deadline) {
          throw e;
        }
        LockSupport.parkNanos(RETRY_PAUSE_NANOS);
      }
    }
  }

  /** Dumps the processes of a task into a directory; see {@link TaskClient#checkpoint}. */
  void checkpoint(String containerId, Path images, Path work, Duration limit, Operation operation) {
    tell(
        containerId,
        operation,
        client -> client.checkpoint(containerId, images, work, operation.remaining(limit)));
  }

  /** Changes the limits of a task. */
  void update(String containerId, ByteString resourcesJson, Operation operation) {
    tell(
        containerId,
        operation,
        client -> client.update(containerId, resourcesJson, Map.of(), operation.remaining(LIMIT)));
  }

  /** Frees an exec. Idempotent. */
  void deleteExec(TaskProcess process, Operation operation) {
    ifThere(() -> ask(process.containerId(), operation, client -> client.delete(process, LIMIT)));
  }

  /**
   * Frees a task whose process has ended or never ran, and its shim if that has no other.
   * Idempotent; calls for one task wait for each other.
   *
   * @throws BerthException FAILED_PRECONDITION if its process runs
   */
  void delete(String containerId, Operation operation) {
    Held held = tasks.get(containerId);
    if (held == null) {
      return;
    }
    held.freeing.lock();
    try {
      if (!held.freed) {
        Optional<Shim> shim = held.shimIfFound(containerId, operation.remaining(LIMIT));
        if (shim.isPresent()) {
          boolean _ =
              repeatIfRefused(
                  operation,
                  () -> {
                    delete(containerId, shim.get(), operation);
                    return true;
                  });
        }
        held.freed = true;
        tasks.remove(containerId, held);
      }
    } finally {
      held.freeing.unlock();
    }
  }

  private void delete(String containerId, Shim shim, Operation operation) {
    TaskClient client = shim.tasks().tracing(operation);
    boolean ofOneOrFew = !shim.record().adoptsTasks();
    try {
      ifThere(() -> client.delete(TaskProcess.init(containerId), LIMIT));
    } catch (BerthException e) {
      if (e.kind() != UNAVAILABLE || !ofOneOrFew) {
        throw e;
      }
      TaskExit _ = shims.cleanUp(containerId, shim, LIMIT);
      return;
    }
    if (ofOneOrFew) {
      shutdown(client, containerId);
    }
  }

  /** One that still has containers goes on; one that ends may cut the line before it answers. */
  private static void shutdown(TaskClient client, String containerId) {
    try {
      client.shutdown(containerId, false, LIMIT);
    } catch (BerthException e) {
      if (e.kind() != UNAVAILABLE) {
        throw e;
      }
    }
  }

  /**
   * Kills and frees what a lost shim left of a task. Idempotent.
   *
   * @return how it ended; empty if there is no bundle, and so never was a task
   */
  Optional<TaskExit> cleanUp(String containerId, RuntimeHandler handler, Duration timeout) {
    tasks.remove(containerId);
    return shims.cleanUp(containerId, handler, timeout);
  }

  boolean isKnown(String containerId) {
    return tasks.containsKey(containerId);
  }

  /** Makes a call at the shim of a task. */
  private <R> R ask(String containerId, Operation operation, Function<TaskClient, R> call) {
    return repeatIfRefused(
        operation,
        () -> {
          Shim shim = require(containerId, operation.remaining(LIMIT));
          return call.apply(shim.tasks().tracing(operation));
        });
  }

  private void tell(String containerId, Operation operation, Consumer<TaskClient> call) {
    boolean _ =
        ask(
            containerId,
            operation,
            client -> {
              call.accept(client);
              return true;
            });
  }

  /**
   * Waits while the shim is replaced. Which call comes first, this one or the one that closes the
   * shim's gate, only the shim knows: one that it has refused is repeated at its successor.
   */
  private <R> R repeatIfRefused(Operation operation, Supplier<R> call) {
    shims.awaitUpgrade(operation);
    try {
      return call.get();
    } catch (BerthException e) {
      if (!TaskClient.isRefusal(e)) {
        throw e;
      }
    }
    operation.check();
    shims.awaitUpgrade(operation);
    return call.get();
  }

  private Shim require(String containerId) {
    return require(containerId, LIMIT);
  }

  private Shim require(String containerId, Duration limit) {
    Held held = tasks.get(containerId);
    if (held == null) {
      throw new BerthException(
          FAILED_PRECONDITION, "container " + containerId + " has no task any more");
    }
    return held.shim(containerId, limit);
  }

  private void hold(String containerId, Shim shim) {
    Held before = tasks.put(containerId, new Held(CompletableFuture.completedFuture(shim)));
    if (before != null) {
      before.shim.complete(shim);
    }
  }

  /**
   * Lets calls for a task wait while its shim is looked for by {@link #adoptSurely}.
   *
   * @return the thread of the search, which goes on
   */
  Thread expect(String containerId, Runnable search) {
    Held expected = new Held(new CompletableFuture<>());
    tasks.put(containerId, expected);
    return Thread.ofVirtual()
        .name("adopt-" + containerId)
        .start(() -> {
          try {
            search.run();
          } finally {
            abandon(containerId, expected);
          }
        });
  }

  /**
   * Ends the wait for a shim, if it was not found: nobody is there, or nobody wants it any more.
   */
  private void abandon(String containerId, Held expected) {
    if (!expected.shim.isDone()) {
      tasks.remove(containerId, expected);
      expected.shim.completeExceptionally(
          new BerthException(UNAVAILABLE, "the shim was not found"));
    }
  }

  private interface Call {
    Object call();
  }

  private static void ifThere(Call call) {
    try {
      Object _ = call.call();
    } catch (BerthException e) {
      if (e.kind() != NOT_FOUND) {
        throw e;
      }
    }
  }
}
