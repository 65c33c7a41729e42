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
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * Two named pipes and who reads them: the output of one command.
 *
 * <p>Both are held open for writing until the shim has opened them, so that a reader neither waits
 * for a writer at open nor sees an end that is none; then the end is seen when the last writer is
 * gone. Of each stream a bounded part is kept, the rest is read and dropped (rule R10): a command
 * must not hang on a full pipe.
 */
final class OutputPipes implements AutoCloseable {
  private static final System.Logger LOG = System.getLogger(OutputPipes.class.getName());

  // Reads of a pipe wait in the kernel: on platform threads, which are pooled.
  private static final ExecutorService READERS =
      Executors.newCachedThreadPool(
          Thread.ofPlatform().name("berth-exec-output-", 0).daemon().factory());

  private static final int BUFFER_BYTES = 64 << 10;

  private final Path directory;
  private final Stream stdout;
  private final Stream stderr;

  private OutputPipes(Path directory, Stream stdout, Stream stderr) {
    this.directory = directory;
    this.stdout = stdout;
    this.stderr = stderr;
  }

  /** Makes the pipes in a directory of their own and begins to read. */
  static OutputPipes create(Path directory) {
    try (var rollback = new Rollback()) {
      AtomicFiles.createPrivateDirectories(directory);
      rollback.onFailure("remove " + directory, () -> remove(directory));
      try (DirFd parent = DirFd.open(directory)) {
        Stream stdout = Stream.open(parent, directory, "stdout");
        rollback.onFailure("close stdout", stdout.pipe::close);
        Stream stderr = Stream.open(parent, directory, "stderr");
        rollback.commit();
        return new OutputPipes(directory, stdout, stderr);
      }
    } catch (IOException e) {
      throw new BerthException(INTERNAL, "cannot make pipes in " + directory + ": " + e, e);
    }
  }

  /** One pipe and its reader. */
  private record Stream(NamedPipe pipe, Future<ByteString> output) {
    static Stream open(DirFd parent, Path directory, String name) throws IOException {
      NamedPipe pipe = NamedPipe.make(parent, directory, name, StandardOpenOption.READ);
      return new Stream(pipe, READERS.submit(() -> readAll(pipe.channel())));
    }
  }

  private static ByteString readAll(FileChannel pipe) throws IOException {
    ByteString.Output kept = ByteString.newOutput();
    ByteBuffer buffer = ByteBuffer.allocate(BUFFER_BYTES);
    try {
      while (pipe.read(buffer) >= 0) {
        int room = ExecResult.MAX_OUTPUT_BYTES - kept.size();
        kept.write(buffer.array(), 0, Math.min(room, buffer.position()));
        buffer.clear();
      }
    } catch (AsynchronousCloseException e) {
      // Closed under us, by drain: what was read by then counts.
    }
    return kept.toByteString();
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
    for (Stream stream : List.of(stdout, stderr)) {
      try {
        ByteString _ = stream.output.get(limit.toMillis(), TimeUnit.MILLISECONDS);
      } catch (TimeoutException e) {
        stream.pipe.close();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new BerthException(BerthException.Kind.CANCELLED, "interrupted while reading", e);
      } catch (ExecutionException e) {
        throw new BerthException(INTERNAL, "cannot read the output: " + e.getCause(), e);
      }
    }
  }

  ByteString stdoutBytes() {
    return bytes(stdout);
  }

  ByteString stderrBytes() {
    return bytes(stderr);
  }

  private static ByteString bytes(Stream stream) {
    try {
      return stream.output.get();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new BerthException(BerthException.Kind.CANCELLED, "interrupted while reading", e);
    } catch (ExecutionException e) {
      throw new BerthException(INTERNAL, "cannot read the output: " + e.getCause(), e);
    }
  }

  /** Stops reading and removes the pipes. */
  @Override
  public void close() {
    stdout.pipe.close();
    stderr.pipe.close();
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
