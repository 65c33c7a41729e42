package dev.berth.runtime.task;

import dev.berth.runtime.kernel.ExitStatus;
import dev.berth.runtime.kernel.Fd;
import dev.berth.runtime.kernel.NativeException;
import dev.berth.runtime.kernel.Processes;
import dev.berth.runtime.kernel.SeqpacketSocket;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A command that runs in a container beside its first process.
 *
 * <p>Nothing of it is on disk, and nobody but its owner can find it: {@link #close} ends what still
 * runs. If this JVM is killed, its berth-init sees the connection break and kills the command.
 *
 * <p>{@link #kill} may be called by any thread, the rest by one at a time.
 */
public final class Command implements AutoCloseable {
  private static final Duration END_LIMIT = Duration.ofSeconds(5);

  private final Stub stub;
  private final Stub.Created created;
  private final Supplier<List<Integer>> container;
  private @Nullable TaskExit exit;

  /**
   * Takes over the stub and what it has made.
   *
   * @param container the processes of the container that it runs in
   */
  Command(Stub stub, Stub.Created created, Supplier<List<Integer>> container) {
    this.stub = stub;
    this.created = created;
    this.container = container;
  }

  /** The process's number in this JVM's pid namespace. */
  public int pid() {
    return created.pid();
  }

  /** Readable when it has ended; owned by this object. */
  public Fd exitSignal() {
    return stub.channel().socket().fd();
  }

  /** Waits for its end; empty if the time is over first. */
  public Optional<TaskExit> await(Duration timeout) {
    while (exit == null && stub.channel().socket().awaitReadable(timeout)) {
      switch (stub.channel().socket().tryReceive(StubMessage.MAX_BYTES)) {
        case SeqpacketSocket.Received.Data(var message) -> {
          try (message) {
            exit = exitIn(message.data());
          }
        }
        case SeqpacketSocket.Received.Closed() -> exit = withoutStub();
        case SeqpacketSocket.Received.Nothing() -> {
          // another event of the socket than a message
        }
      }
    }
    return Optional.ofNullable(exit);
  }

  private static @Nullable TaskExit exitIn(byte[] bytes) {
    StubMessage message = StubMessage.decode(bytes).orElse(null);
    if (message == null || message.kind() != StubMessage.Kind.EXITED) {
      return null; // of no interest here
    }
    return TaskExit.of(ExitRecord.status(message.a(), message.b()), Instant.now());
  }

  /** A killed stub has left the process to this JVM, its subreaper. */
  private TaskExit withoutStub() {
    kill();
    Instant now = Instant.now();
    try {
      Optional<ExitStatus> status = Processes.waitFor(created.pidfd(), END_LIMIT);
      return status.map(how -> TaskExit.of(how, now)).orElseGet(() -> TaskExit.unknown(now));
    } catch (NativeException e) {
      return TaskExit.unknown(now); // not our child: somebody else reaps it
    }
  }

  /**
   * Kills it and what it has made, but for what has become a daemon; its end is still to be
   * awaited.
   */
  public void kill() {
    Offspring.killAll(created.pid(), created.pidfd(), container);
  }

  /** Ends what still runs and lets go of everything. Idempotent. */
  @Override
  public void close() {
    if (exit == null && created.pidfd().isOpen()) {
      kill();
      await(END_LIMIT);
    }
    created.close();
    stub.channel().close();
    stub.reap();
    stub.close();
  }
}
