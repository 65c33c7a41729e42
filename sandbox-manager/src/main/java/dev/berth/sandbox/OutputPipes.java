package dev.berth.sandbox;

import static dev.berth.base.BerthException.Kind.INTERNAL;

import com.google.protobuf.ByteString;
import dev.berth.base.AtomicFiles;
import dev.berth.base.BerthException;
import dev.berth.base.Rollback;
import dev.berth.runtime.kernel.DirFd;
import dev.berth.shim.client.TaskIo;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.AsynchronousCloseException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/**
 * Two named pipes and who reads them: the output of one command.
 *
 * <p>Both are held open for writing until the shim has opened them, so that a reader neither waits
 * for a writer at open nor sees an end that is none; then the end is seen when the last writer is
 * gone. Of each stream a bounded part is kept, and of all together, the rest is read and dropped
 * (rule R10): a command must not hang on a full pipe.
 */
final class OutputPipes implements AutoCloseable {
  private static final System.Logger LOG = System.getLogger(OutputPipes.class.getName());

  // Reads of a pipe wait in the kernel: on platform threads, which are pooled.
  private static final ExecutorService READERS =
      Executors.newCachedThreadPool(
          Thread.ofPlatform().name("berth-exec-output-", 0).daemon().factory());

  private static final int BUFFER_BYTES = 64 << 10;

  private final Path directory;
  private final Capture stdout;
  private final Capture stderr;

  private OutputPipes(Path directory, Capture stdout, Capture stderr) {
    this.directory = directory;
    this.stdout = stdout;
    this.stderr = stderr;
  }

  /**
   * Makes the pipes in a directory of their own and begins to read.
   *
   * @param budget what is kept is taken from it, until {@link #close}
   */
  static OutputPipes create(Path directory, OutputBudget budget) {
    try (var rollback = new Rollback()) {
      AtomicFiles.createPrivateDirectories(directory);
      rollback.onFailure("remove " + directory, () -> remove(directory));
      try (DirFd parent = DirFd.open(directory)) {
        Capture stdout = Capture.begin(parent, directory, "stdout", budget);
        rollback.onFailure("close stdout", stdout::close);
        Capture stderr = Capture.begin(parent, directory, "stderr", budget);
        rollback.commit();
        return new OutputPipes(directory, stdout, stderr);
      }
    } catch (IOException e) {
      throw new BerthException(INTERNAL, "cannot make pipes in " + directory + ": " + e, e);
    }
  }

  /** One pipe, its reader, and what that has read. */
  private static final class Capture {
    private final NamedPipe pipe;
    private final OutputBudget budget;
    private final CompletableFuture<ByteString> output = new CompletableFuture<>();

    private Capture(NamedPipe pipe, OutputBudget budget) {
      this.pipe = pipe;
      this.budget = budget;
    }

    static Capture begin(DirFd parent, Path directory, String name, OutputBudget budget)
        throws IOException {
      NamedPipe pipe = NamedPipe.make(parent, directory, name, StandardOpenOption.READ);
      Capture capture = new Capture(pipe, budget);
      READERS.execute(capture::read);
      return capture;
    }

    private void read() {
      try {
        output.complete(readAll());
      } catch (BerthException e) {
        output.completeExceptionally(e);
      } catch (IOException e) {
        output.completeExceptionally(
            new BerthException(INTERNAL, "cannot read the output: " + e, e));
      }
    }

    private ByteString readAll() throws IOException {
      ByteString.Output kept = ByteString.newOutput();
      ByteBuffer buffer = ByteBuffer.allocate(BUFFER_BYTES);
      boolean fits = true;
      try {
        while (pipe.channel().read(buffer) >= 0) {
          int room = Math.min(ExecResult.MAX_OUTPUT_BYTES - kept.size(), buffer.position());
          fits = fits && budget.take(room);
          if (fits) {
            kept.write(buffer.array(), 0, room);
          }
          buffer.clear();
        }
      } catch (AsynchronousCloseException e) {
        // Closed under us, by drain: what was read by then counts.
      }
      if (!fits) {
        budget.giveBack(kept.size());
        throw budget.exceeded();
      }
      return kept.toByteString();
    }

    /** Waits for the end of the output, and gives up on what a child of the command keeps open. */
    void drain(Duration limit) {
      try {
        ByteString _ = output.get(limit.toMillis(), TimeUnit.MILLISECONDS);
      } catch (TimeoutException e) {
        pipe.close();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new BerthException(BerthException.Kind.CANCELLED, "interrupted while reading", e);
      } catch (ExecutionException e) {
        throw failure(e.getCause());
      }
    }

    /** Returns what was kept, after {@link #drain}: then the reader ends at once. */
    ByteString bytes() {
      try {
        return output.join();
      } catch (CompletionException e) {
        throw failure(e.getCause());
      }
    }

    private static BerthException failure(@Nullable Throwable cause) {
      return cause instanceof BerthException known
          ? known
          : new BerthException(INTERNAL, "cannot read the output: " + cause, cause);
    }

    /** Stops the reader, which ends at once. */
    void close() {
      pipe.close();
      var _ = output.thenAccept(bytes -> budget.giveBack(bytes.size()));
    }
  }

  /** The writing ends as a shim is told of them. */
  TaskIo asTaskIo() {
    return TaskIo.output(stdout.pipe.path(), stderr.pipe.path());
  }

  /** Lets go of the pipes: from now on they end when the command's ends are closed. */
  void writerIsThere() {
    stdout.pipe.letGo();
    stderr.pipe.letGo();
  }

  /** Waits for the end of both streams, and gives up on what a child of the command keeps open. */
  void drain(Duration limit) {
    stdout.drain(limit);
    stderr.drain(limit);
  }

  /** Returns what was kept, after {@link #drain}. */
  ByteString stdoutBytes() {
    return stdout.bytes();
  }

  /** Returns what was kept, after {@link #drain}. */
  ByteString stderrBytes() {
    return stderr.bytes();
  }

  /** Stops reading, gives back what was kept and removes the pipes. */
  @Override
  public void close() {
    stdout.close();
    stderr.close();
    remove(directory);
  }

  private static void remove(Path directory) {
    try {
      AtomicFiles.deleteTree(directory);
    } catch (IOException e) {
      LOG.log(System.Logger.Level.WARNING, "cannot delete " + directory, e);
    }
  }
}
