package dev.berth.sandbox;

import static dev.berth.base.BerthException.Kind.INTERNAL;

import dev.berth.base.AtomicFiles;
import dev.berth.base.BerthException;
import dev.berth.base.Rollback;
import dev.berth.runtime.kernel.DirFd;
import dev.berth.runtime.kernel.Fifos;
import dev.berth.shim.client.TaskIo;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.channels.Channels;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * The named pipes between a streamed command and this process, in a directory of their own.
 *
 * <p>Each is held open until the shim has opened its ends, so that nobody waits for the other side
 * at open or sees an end that is none; then an output ends when its last writer is gone.
 */
final class StreamPipes implements AutoCloseable {
  private static final System.Logger LOG = System.getLogger(StreamPipes.class.getName());

  /** Takes what nobody wants: runc's shim has both outputs or none. */
  private static final String NOWHERE = "/dev/null";

  private static final String STDIN = "stdin";

  private static final Duration READER_LIMIT = Duration.ofSeconds(10);
  private static final long READER_POLL_NANOS = 1_000_000;

  private final Path directory;
  private final boolean terminal;
  private final @Nullable NamedPipe stdin;
  private final @Nullable NamedPipe stdout;
  private final @Nullable NamedPipe stderr;
  private final Optional<OutputStream> input;
  private final Optional<DrainedInput> output;
  private final Optional<DrainedInput> errors;

  private StreamPipes(
      Path directory,
      boolean terminal,
      @Nullable NamedPipe stdin,
      @Nullable NamedPipe stdout,
      @Nullable NamedPipe stderr) {
    this.directory = directory;
    this.terminal = terminal;
    this.stdin = stdin;
    this.stdout = stdout;
    this.stderr = stderr;
    this.input = Optional.ofNullable(stdin).map(pipe -> Channels.newOutputStream(pipe.channel()));
    this.output = Optional.ofNullable(stdout).map(pipe -> new DrainedInput(pipe.channel()));
    this.errors = Optional.ofNullable(stderr).map(pipe -> new DrainedInput(pipe.channel()));
  }

  /** Makes the pipes that are wanted, and the directory for them. */
  static StreamPipes create(Path directory, boolean terminal, StandardStreams wanted) {
    try (var rollback = new Rollback()) {
      AtomicFiles.createPrivateDirectories(directory);
      rollback.onFailure("remove " + directory, () -> remove(directory));
      try (DirFd parent = DirFd.open(directory)) {
        NamedPipe stdin = wanted.stdin() ? input(parent, directory, rollback) : null;
        NamedPipe stdout = wanted.stdout() ? output(parent, directory, "stdout", rollback) : null;
        boolean errors = wanted.stderr() && !terminal;
        NamedPipe stderr = errors ? output(parent, directory, "stderr", rollback) : null;
        rollback.commit();
        return new StreamPipes(directory, terminal, stdin, stdout, stderr);
      }
    } catch (IOException e) {
      throw new BerthException(INTERNAL, "cannot make pipes in " + directory + ": " + e, e);
    }
  }

  private static NamedPipe input(DirFd parent, Path directory, Rollback rollback)
      throws IOException {
    NamedPipe pipe = NamedPipe.make(parent, directory, STDIN, StandardOpenOption.WRITE);
    rollback.onFailure("close stdin", pipe::close);
    return pipe;
  }

  private static NamedPipe output(DirFd parent, Path directory, String name, Rollback rollback)
      throws IOException {
    NamedPipe pipe = NamedPipe.make(parent, directory, name, StandardOpenOption.READ);
    rollback.onFailure("close " + name, pipe::close);
    return pipe;
  }

  /** The other ends as a shim is told of them. */
  TaskIo asTaskIo() {
    return new TaskIo(
        stdin == null ? "" : stdin.path().toString(),
        stdout == null ? NOWHERE : stdout.path().toString(),
        terminal ? "" : stderr == null ? NOWHERE : stderr.path().toString(),
        terminal);
  }

  /** Lets go of the other ends: from now on they are the command's alone. */
  void commandIsThere() {
    for (@Nullable NamedPipe pipe : new @Nullable NamedPipe[] {stdin, stdout, stderr}) {
      if (pipe != null) {
        pipe.letGo();
      }
    }
  }

  /**
   * Waits for the command's side to read its input, which is asked for only when there is some: a
   * shim that copies (runc's) may open the pipe after it has answered start.
   *
   * @param ended whether to wait no longer, since nobody will come
   */
  void awaitReader(BooleanSupplier ended) throws IOException {
    try (DirFd parent = DirFd.open(directory)) {
      long deadline = System.nanoTime() + READER_LIMIT.toNanos();
      while (!Fifos.hasReader(parent.fd(), STDIN)) {
        if (ended.getAsBoolean() || System.nanoTime() > deadline) {
          throw new IOException("nobody reads the input of the command");
        }
        LockSupport.parkNanos(READER_POLL_NANOS);
      }
    }
  }

  Optional<OutputStream> stdin() {
    return input;
  }

  Optional<DrainedInput> stdout() {
    return output;
  }

  Optional<DrainedInput> stderr() {
    return errors;
  }

  /** Closes our ends, which wakes whoever waits in them, and removes the pipes. Idempotent. */
  @Override
  public void close() {
    output.ifPresent(DrainedInput::close);
    errors.ifPresent(DrainedInput::close);
    for (@Nullable NamedPipe pipe : new @Nullable NamedPipe[] {stdin, stdout, stderr}) {
      if (pipe != null) {
        pipe.close();
      }
    }
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
