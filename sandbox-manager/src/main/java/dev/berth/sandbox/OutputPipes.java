package dev.berth.sandbox;

import static dev.berth.base.BerthException.Kind.CANCELLED;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import com.google.protobuf.ByteString;
import dev.berth.base.BerthException;
import dev.berth.base.Rollback;
import dev.berth.runtime.kernel.Descriptors;
import dev.berth.runtime.kernel.EventLoop;
import dev.berth.runtime.kernel.EventLoop.Interest;
import dev.berth.runtime.kernel.Pipe;
import dev.berth.shim.client.TaskIo;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Two pipes and what was read of them: the output of one command.
 *
 * <p>They have no name but the one that proc(5) gives an open descriptor, under which the shim
 * opens them; so nothing is left when this process ends. Both are held open for writing until the
 * shim has done so, so that there is no end that is none; then the end is seen when the last writer
 * is gone. Of each stream a bounded part is kept, and of all together, the rest is read and dropped
 * (rule R10): a command must not hang on a full pipe.
 *
 * <p>Most commands print little: that waits in the pipe until it is drained. The event loop reads
 * what comes meanwhile.
 */
final class OutputPipes implements AutoCloseable {
  private static final Path DESCRIPTORS =
      Path.of("/proc", Long.toString(ProcessHandle.current().pid()), "fd");
  private static final int READ_BYTES = 16 << 10;

  /** More than a pipe holds (pipe(7)): all that was written before the command ended. */
  private static final long DRAIN_BYTES = 1 << 20;

  private final Capture stdout;
  private final Capture stderr;

  private OutputPipes(Capture stdout, Capture stderr) {
    this.stdout = stdout;
    this.stderr = stderr;
  }

  /**
   * Makes the pipes and begins to read.
   *
   * @param budget what is kept is taken from it, until {@link #close}
   * @param loop reads; stays the caller's, open until then
   */
  static OutputPipes create(OutputBudget budget, EventLoop loop) {
    try (var rollback = new Rollback()) {
      Capture stdout = Capture.begin(budget, loop);
      rollback.onFailure("close stdout", stdout::close);
      Capture stderr = Capture.begin(budget, loop);
      rollback.commit();
      return new OutputPipes(stdout, stderr);
    }
  }

  /** One pipe and what was read of it. */
  private static final class Capture {
    private final Pipe pipe;
    private final OutputBudget budget;
    private final CompletableFuture<Boolean> end = new CompletableFuture<>();
    private final ReentrantLock lock = new ReentrantLock();
    private final EventLoop.Registration readable;

    @GuardedBy("lock") private final ByteString.Output kept = ByteString.newOutput();

    @GuardedBy("lock") private boolean fits = true;

    private Capture(Pipe pipe, OutputBudget budget, EventLoop loop) {
      this.pipe = pipe;
      this.budget = budget;
      this.readable =
          loop.watch(
              pipe.readEnd(), Interest.READABLE, EventLoop.Run.INLINE, () -> readUpTo(READ_BYTES));
    }

    static Capture begin(OutputBudget budget, EventLoop loop) {
      Pipe pipe = Pipe.nonBlocking();
      try {
        return new Capture(pipe, budget, loop);
      } catch (RuntimeException e) {
        pipe.close();
        throw e;
      }
    }

    Path path() {
      return DESCRIPTORS.resolve(Integer.toString(pipe.writeEnd().number()));
    }

    /** Reads what is there; an end is seen once only. */
    private void readUpTo(long mostBytes) {
      lock.lock();
      try {
        long read = 0;
        while (read < mostBytes && !end.isDone()) {
          Optional<byte[]> bytes = Descriptors.read(pipe.readEnd(), READ_BYTES);
          if (bytes.isEmpty()) {
            return;
          }
          read += bytes.get().length;
          keep(bytes.get());
        }
      } finally {
        lock.unlock();
      }
    }

    @GuardedBy("lock") private void keep(byte[] bytes) {
      if (bytes.length == 0) {
        readable.close(); // a pipe at its end is readable for ever
        end.complete(true);
        return;
      }
      int room = Math.min(ExecResult.MAX_OUTPUT_BYTES - kept.size(), bytes.length);
      if (fits && budget.take(room)) {
        kept.write(bytes, 0, room);
      } else if (fits) {
        fits = false;
        budget.giveBack(kept.size());
        kept.reset();
      }
    }

    void drain(Duration limit) {
      readUpTo(DRAIN_BYTES); // not to the end: a child that writes faster than this has none
      try {
        boolean _ = end.get(limit.toMillis(), TimeUnit.MILLISECONDS);
      } catch (TimeoutException e) {
        end.complete(false); // a child of the command keeps it open: what was read by now counts
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new BerthException(CANCELLED, "interrupted while reading", e);
      } catch (ExecutionException e) {
        throw new IllegalStateException("an end is seen or is not", e);
      }
    }

    ByteString bytes() {
      lock.lock();
      try {
        if (!fits) {
          throw budget.exceeded();
        }
        return kept.toByteString();
      } finally {
        lock.unlock();
      }
    }

    void close() {
      lock.lock();
      try {
        if (pipe.readEnd().isOpen()) {
          end.complete(false);
          readable.close();
          pipe.close();
          budget.giveBack(kept.size());
        }
      } finally {
        lock.unlock();
      }
    }
  }

  /** The writing ends as a shim is told of them. */
  TaskIo asTaskIo() {
    return TaskIo.output(stdout.path(), stderr.path());
  }

  /** Lets go of the pipes: from now on they end when the command's ends are closed. */
  void writerIsThere() {
    stdout.pipe.writeEnd().close();
    stderr.pipe.writeEnd().close();
  }

  /**
   * Waits for the end of both streams, and gives up on what a child of the command keeps open.
   *
   * @param limit how long to wait for each
   */
  void drain(Duration limit) {
    stdout.drain(limit);
    stderr.drain(limit);
  }

  /**
   * Returns what was kept, after {@link #drain}.
   *
   * @throws BerthException RESOURCE_EXHAUSTED if the budget was exceeded
   */
  ByteString stdoutBytes() {
    return stdout.bytes();
  }

  /** The same of the other stream. */
  ByteString stderrBytes() {
    return stderr.bytes();
  }

  /** Stops reading and gives back what was kept. Idempotent. */
  @Override
  public void close() {
    stdout.close();
    stderr.close();
  }
}
