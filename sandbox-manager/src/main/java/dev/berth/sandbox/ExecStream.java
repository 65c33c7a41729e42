package dev.berth.sandbox;

import static dev.berth.base.BerthException.Kind.UNAVAILABLE;

import dev.berth.base.BerthException;
import dev.berth.base.Ids;
import dev.berth.base.Operation;
import dev.berth.base.Rollback;
import dev.berth.shim.client.ExecTask;
import dev.berth.shim.client.TaskExit;
import dev.berth.shim.client.TaskProcess;
import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;

/** A command in a container whose streams its client has; see {@link ExecStreamStage}. */
final class ExecStream implements StreamedProcess {
  private static final System.Logger LOG = System.getLogger(ExecStream.class.getName());

  /** How long a killed shim may take to be replaced. */
  private static final Duration SHIM_LIMIT = Duration.ofSeconds(20);

  private static final long SHIM_POLL_NANOS = 100_000_000;

  private final Tasks tasks;
  private final TaskProcess process;
  private final StreamPipes pipes;
  private final boolean terminal;
  private final Operation.Listed listed;
  private final CompletableFuture<Integer> exit = new CompletableFuture<>();
  private final AtomicBoolean closed = new AtomicBoolean();

  private ExecStream(
      Tasks tasks,
      TaskProcess process,
      StreamPipes pipes,
      boolean terminal,
      Operation.Listed listed) {
    this.tasks = tasks;
    this.process = process;
    this.pipes = pipes;
    this.terminal = terminal;
    this.listed = listed;
  }

  /** Starts a command; nothing is left of it when that fails. */
  static ExecStream start(
      Tasks tasks,
      PodPaths paths,
      String containerId,
      List<String> command,
      boolean terminal,
      StandardStreams wanted,
      Operation operation) {
    TaskProcess process = new TaskProcess(containerId, Ids.generate());
    operation.concerns(process.execId(), "command in container " + containerId);
    try (var rollback = new Rollback()) {
      Operation.Listed listed = operation.listed();
      rollback.onFailure("end the operation", listed::close);
      operation.enter(ExecStreamStage.PIPES);
      StreamPipes pipes =
          StreamPipes.create(paths.exec(containerId, process.execId()), terminal, wanted);
      rollback.onFailure("remove the pipes", pipes::close);
      var stream = new ExecStream(tasks, process, pipes, terminal, listed);
      operation.enter(ExecStreamStage.PROCESS);
      var json = ProcessJson.of(paths.bundle(containerId), command, terminal);
      tasks.exec(new ExecTask(process, pipes.asTaskIo(), json), operation);
      rollback.onFailure("free the command", stream::free);
      operation.enter(ExecStreamStage.START);
      rollback.onFailure("kill the command", stream::kill); // a start may be half done
      int _ = tasks.start(process, operation);
      pipes.commandIsThere();
      rollback.commit();
      Thread.ofVirtual().name("exec-exit").start(stream::followToTheEnd);
      return stream;
    }
  }

  private void followToTheEnd() {
    try {
      TaskExit ended = waitForExit();
      drain(pipes.stdout());
      drain(pipes.stderr());
      exit.complete(ended.status());
    } catch (BerthException e) {
      exit.completeExceptionally(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      exit.completeExceptionally(e);
    }
  }

  /** The command survives its shim, whose successor knows of it. */
  private TaskExit waitForExit() {
    while (true) {
      try {
        return tasks.waitFor(process, Tasks.FOREVER);
      } catch (BerthException e) {
        if (e.kind() != UNAVAILABLE || closed.get()) {
          throw e;
        }
        awaitShim(e);
      }
    }
  }

  private void awaitShim(BerthException lost) {
    long deadline = System.nanoTime() + SHIM_LIMIT.toNanos();
    do { // one that is about to end still answers, and says no more than that
      if (closed.get() || System.nanoTime() > deadline) {
        throw lost;
      }
      LockSupport.parkNanos(SHIM_POLL_NANOS);
    } while (!tasks.isAnswering(process.containerId()));
  }

  private static void drain(Optional<DrainedInput> output) throws InterruptedException {
    if (output.isPresent()) {
      output.get().drain(ExecSync.DRAIN_LIMIT);
    }
  }

  @Override
  public Optional<OutputStream> stdin() {
    return pipes.stdin().map(Input::new);
  }

  /** The shim holds the pipe open too, so that its end must be told. */
  private final class Input extends FilterOutputStream {
    private final AtomicBoolean ended = new AtomicBoolean();
    private boolean read;

    Input(OutputStream out) {
      super(out);
    }

    @Override
    public void write(byte[] bytes, int offset, int length) throws IOException {
      awaitReader();
      out.write(bytes, offset, length);
    }

    /** What was written before is kept by the reader when our end is closed. */
    private void awaitReader() throws IOException {
      if (!read) {
        pipes.awaitReader(() -> closed.get() || exit.isDone());
        read = true;
      }
    }

    @Override
    public void close() throws IOException {
      if (ended.compareAndSet(false, true)) {
        super.close();
        if (!closed.get()) {
          closeStdin();
        }
      }
    }
  }

  private void closeStdin() {
    try {
      tasks.closeStdin(process, Operation.internal("close stdin"));
    } catch (BerthException e) { // most often because it has ended
      LOG.log(System.Logger.Level.DEBUG, "cannot close stdin of " + process, e);
    }
  }

  @Override
  public Optional<InputStream> stdout() {
    return pipes.stdout().map(output -> output);
  }

  @Override
  public Optional<InputStream> stderr() {
    return pipes.stderr().map(output -> output);
  }

  @Override
  public void resize(int rows, int columns) {
    if (!terminal) {
      return;
    }
    try {
      tasks.resize(process, rows, columns, Operation.internal("resize"));
    } catch (BerthException e) { // most often because it has ended
      LOG.log(System.Logger.Level.DEBUG, "cannot resize the terminal of " + process, e);
    }
  }

  @Override
  public CompletableFuture<Integer> exit() {
    return exit.copy();
  }

  @Override
  public void close() {
    if (closed.compareAndSet(false, true)) {
      try (listed) {
        if (!exit.isDone()) {
          kill();
        }
        free();
        pipes.close();
      }
    }
  }

  /** Waits for the end as well: what has not ended cannot be freed. */
  private void kill() {
    try {
      if (tasks.kill(process, CriSignals.SIGKILL, Operation.internal("kill command"))) {
        TaskExit _ = tasks.waitFor(process, Tasks.LIMIT);
      }
    } catch (BerthException e) {
      LOG.log(System.Logger.Level.WARNING, "cannot kill command " + process, e);
    }
  }

  private void free() {
    try {
      tasks.deleteExec(process, Operation.internal("free command"));
    } catch (BerthException e) {
      // The shim frees it with its container at the latest.
      LOG.log(System.Logger.Level.WARNING, "cannot free command " + process, e);
    }
  }
}
