package dev.berth.runtime.task;

import dev.berth.base.BerthException;
import dev.berth.runtime.kernel.Errno;
import dev.berth.runtime.kernel.Fd;
import dev.berth.runtime.kernel.Pipe;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * A client of a running process: reads what it writes from now on, and may write what it reads.
 *
 * <p>The streams are pipes between this JVM and the process's berth-init; no other process stands
 * between. A client that stops reading while the process goes on writing is cut off after a moment:
 * its streams end, and {@link #await} says so. The log and other clients notice nothing of it.
 *
 * <p>Streams block: give each a thread of its own, which ends when the other side or {@link #close}
 * ends the stream. Thread-safe as far as each stream is used by one thread.
 */
public final class Attachment implements AutoCloseable {
  private static final Duration CONTROL_LIMIT = Duration.ofSeconds(10);

  /** How long a killed stub may take to be replaced. */
  private static final Duration SUCCESSOR_LIMIT = Duration.ofSeconds(5);

  private static final long SUCCESSOR_POLL_NANOS = 5_000_000;
  private static final int PIPE_BYTES = 1 << 20;

  /** Why an attachment ended. */
  public sealed interface End {
    /** The process has ended, and everything it wrote has been handed over. */
    record Exited() implements End {}

    /** This client did not read fast enough, or the node was out of space for what it missed. */
    record CutOff(String why) implements End {}

    /** The process's berth-init was killed. The process lives on: attach again. */
    record Lost() implements End {}
  }

  private final Path directory;
  private final StubChannel channel;
  private final @Nullable OutputStream stdin;
  private final @Nullable InputStream stdout;
  private final @Nullable InputStream stderr;

  private Attachment(
      Path directory,
      StubChannel channel,
      @Nullable OutputStream stdin,
      @Nullable InputStream stdout,
      @Nullable InputStream stderr) {
    this.directory = directory;
    this.channel = channel;
    this.stdin = stdin;
    this.stdout = stdout;
    this.stderr = stderr;
  }

  /**
   * Attaches to a process, from now on and until it ends.
   *
   * @param directory the task's, as {@link TaskProcess#controlDirectory} names it
   * @throws BerthException FAILED_PRECONDITION if the process has ended, if its output goes to
   *     FIFOs of its creator instead of a log, or if stdin is asked for and it has none or no more;
   *     NOT_FOUND without such a task; UNAVAILABLE if nobody answers for it
   */
  public static Attachment open(Path directory, AttachStreams streams) {
    StubChannel channel = connect(new TaskDirectory(directory));
    try {
      return attach(directory, channel, streams);
    } catch (IOException e) {
      channel.close();
      throw new BerthException(
          BerthException.Kind.INTERNAL, "attach to " + directory + ": " + e, e);
    } catch (RuntimeException e) {
      channel.close();
      throw e;
    }
  }

  private static StubChannel connect(TaskDirectory directory) {
    Instant deadline = Instant.now().plus(SUCCESSOR_LIMIT);
    while (true) {
      try {
        return StubChannel.connect(directory, CONTROL_LIMIT);
      } catch (BerthException e) {
        requireAlive(directory);
        if (Instant.now().isAfter(deadline)) {
          throw e;
        }
        LockSupport.parkNanos(SUCCESSOR_POLL_NANOS);
      }
    }
  }

  private static void requireAlive(TaskDirectory directory) {
    if (!java.nio.file.Files.exists(directory.exitRecord())) {
      throw new BerthException(
          BerthException.Kind.NOT_FOUND, "attach: there is no task in " + directory.path());
    }
    if (ExitRecord.read(directory.exitRecord()).isPresent()) {
      throw new BerthException(
          BerthException.Kind.FAILED_PRECONDITION,
          "attach: the process of " + directory.path() + " has ended");
    }
  }

  private static Attachment attach(Path directory, StubChannel channel, AttachStreams streams)
      throws IOException {
    try (Pipe in = Pipe.create(PIPE_BYTES);
        Pipe out = Pipe.create(PIPE_BYTES);
        Pipe err = Pipe.create(PIPE_BYTES)) {
      List<Fd> passed = new ArrayList<>();
      if (streams.stdin()) {
        passed.add(in.readEnd());
      }
      if (streams.stdout()) {
        passed.add(out.writeEnd());
      }
      if (streams.stderr()) {
        passed.add(err.writeEnd());
      }
      channel.ask(
          StubMessage.of(StubMessage.Kind.ATTACH, streams.bits(), 0), passed, CONTROL_LIMIT);
      return new Attachment(
          directory,
          channel,
          streams.stdin() ? in.toOutput() : null,
          streams.stdout() ? out.toInput() : null,
          streams.stderr() ? err.toInput() : null);
    }
  }

  /** What the process reads; closing it ends this client's input. Empty if not asked for. */
  public Optional<OutputStream> stdin() {
    return Optional.ofNullable(stdin);
  }

  /** What the process writes; with a terminal, all of it. Empty if not asked for. */
  public Optional<InputStream> stdout() {
    return Optional.ofNullable(stdout);
  }

  /** What the process writes to its standard error. Empty if not asked for. */
  public Optional<InputStream> stderr() {
    return Optional.ofNullable(stderr);
  }

  /** Resizes the process's terminal; FAILED_PRECONDITION if it has none. */
  public void resize(int rows, int columns) {
    try (StubChannel control = StubChannel.connect(new TaskDirectory(directory), CONTROL_LIMIT)) {
      control.ask(StubMessage.of(StubMessage.Kind.RESIZE, rows, columns), List.of(), CONTROL_LIMIT);
    }
  }

  /** Waits for the end of the attachment; empty if the time is over first. */
  public Optional<End> await(Duration timeout) {
    if (!channel.socket().awaitReadable(timeout)) {
      return Optional.empty();
    }
    return Optional.of(
        channel.receive(Duration.ZERO).map(reply -> end(reply.message())).orElseGet(End.Lost::new));
  }

  private static End end(StubMessage message) {
    return switch (message.kind()) {
      case EXITED -> new End.Exited();
      case DETACHED -> new End.CutOff(Errno.describe(message.a()));
      default ->
          throw new BerthException(
              BerthException.Kind.INTERNAL, "berth-init sent " + message.kind() + " out of turn");
    };
  }

  /**
   * Detaches: the streams end. What was written to stdin still goes in. Idempotent; the process
   * goes on.
   */
  @Override
  public void close() {
    channel.close(); // first: the other side closes its ends then, which wakes our readers
    try {
      if (stdin != null) {
        stdin.close();
      }
      if (stdout != null) {
        stdout.close();
      }
      if (stderr != null) {
        stderr.close();
      }
    } catch (IOException e) {
      throw new BerthException(
          BerthException.Kind.INTERNAL, "detach from " + directory + ": " + e, e);
    }
  }
}
