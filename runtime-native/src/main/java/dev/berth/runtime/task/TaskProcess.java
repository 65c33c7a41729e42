package dev.berth.runtime.task;

import dev.berth.base.BerthException;
import dev.berth.runtime.kernel.Errno;
import dev.berth.runtime.kernel.ExitStatus;
import dev.berth.runtime.kernel.Fd;
import dev.berth.runtime.kernel.NativeException;
import dev.berth.runtime.kernel.Processes;
import dev.berth.runtime.kernel.SeqpacketSocket;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * A process under a berth-init: a container's first one or one executed beside it.
 *
 * <p>The end is followed on one connection to the stub, which announces it after the last log line
 * was written. If that connection breaks without a record, the stub was killed: a successor takes
 * over FIFOs, spool and log, and goes on following the same process by its pidfd. A process that
 * another JVM left is connected to when it is first looked at. Its stub is asked what it holds and
 * answers when it can: one that stands still holds up nobody.
 *
 * <p>A process that was released has no stub: its end is seen on its pidfd, and how it ended only
 * as far as the kernel tells those who are not its parent.
 *
 * <p>Thread-safe. Owned by its {@link Task}, which closes it.
 */
public class TaskProcess implements AutoCloseable {
  private static final Duration CONTROL_LIMIT = Duration.ofSeconds(10);

  /** How long the queue of a stub's socket may be full before it is tried again later. */
  private static final Duration CONNECT_LIMIT = Duration.ofMillis(200);

  private static final Duration REAP_LIMIT = Duration.ofSeconds(5);

  /** How long init may take to reap a process that was left to it, on a node that is overloaded. */
  private static final Duration ORPHAN_LIMIT = Duration.ofSeconds(60);

  private static final Duration GATE_LIMIT = Duration.ofSeconds(60);
  private static final long REAP_POLL_NANOS = 1_000_000;
  private static final int SIGKILL = 9;

  /** Launches a stub that takes over from a killed one. */
  interface Adopter {
    /**
     * Returns the stub once it has taken over.
     *
     * @param pidfd null if the process is gone too: what it wrote is still to be logged
     */
    Stub adopt(int pid, @Nullable Fd pidfd, @Nullable Fd master);
  }

  /**
   * What a JVM holds of a process. The descriptors become the TaskProcess's.
   *
   * @param watch a connection to the stub; null if there is none yet
   * @param stub the stub, if this JVM spawned it
   * @param pidfd null if the process is gone
   * @param master of its terminal, as soon as it is known
   * @param toStart another JVM was about to open the start gate, and may not have come to it
   * @param released there is no stub, and never will be
   * @param held ends of the FIFOs it writes to, never read here: they keep it from SIGPIPE while no
   *     stub is there
   */
  record Hold(
      @Nullable Stub stub,
      @Nullable StubChannel watch,
      int pid,
      @Nullable Fd pidfd,
      @Nullable Fd master,
      boolean toStart,
      boolean released,
      List<Fd> held) {
    Hold {
      held = List.copyOf(held);
    }

    /** Of a process without a stub. */
    static Hold released(int pid, @Nullable Fd pidfd) {
      return new Hold(null, null, pid, pidfd, null, false, true, List.of());
    }

    /** Of a process that another JVM left, before its stub was looked for. */
    static Hold found(int pid, @Nullable Fd pidfd, boolean toStart, List<Fd> held) {
      return new Hold(null, null, pid, pidfd, null, toStart, false, held);
    }

    /** Of a process that this JVM has made. */
    static Hold made(Stub stub, Stub.Created created, List<Fd> held) {
      return new Hold(
          stub,
          stub.channel(),
          created.pid(),
          created.pidfd(),
          created.master(),
          false,
          false,
          held);
    }

    private Hold connected(StubChannel channel) {
      return new Hold(stub, channel, pid, pidfd, master, toStart, released, held);
    }

    /** With what the stub has answered; keeps what was known before. */
    private Hold answered(Stub.Created answer) {
      Fd terminal = answer.master();
      if (pidfd != null) {
        answer.pidfd().close();
      }
      if (master != null && terminal != null) {
        terminal.close();
      }
      return new Hold(
          stub,
          watch,
          pid,
          pidfd == null ? answer.pidfd() : pidfd,
          master == null ? terminal : master,
          toStart,
          released,
          held);
    }

    private Hold withStub(Stub successor) {
      return new Hold(successor, successor.channel(), pid, pidfd, master, false, false, held);
    }

    private void close() {
      if (stub != null) {
        stub.close();
      }
      if (watch != null) {
        watch.close();
      }
      if (pidfd != null) {
        pidfd.close();
      }
      if (master != null) {
        master.close();
      }
      held.forEach(Fd::close);
    }
  }

  private final ReentrantLock lock = new ReentrantLock();
  private final TaskDirectory directory;
  private final Adopter adopter;
  private final AttachedInput input;
  private volatile Hold hold; // replaced under the lock
  private volatile @Nullable TaskExit exit;
  private volatile Runnable signalChanged = () -> {};

  TaskProcess(TaskDirectory directory, Adopter adopter, Hold hold) {
    this.directory = directory;
    this.adopter = adopter;
    this.input = new AttachedInput(directory);
    this.hold = hold;
  }

  /** The process's number in this JVM's pid namespace. */
  public int pid() {
    return hold.pid();
  }

  /** The process's pidfd, owned by this object; empty if it was gone when it was looked for. */
  Optional<Fd> pidfd() {
    return Optional.ofNullable(hold.pidfd());
  }

  TaskDirectory directory() {
    return directory;
  }

  /**
   * Opens the start gate; returns when the exec has happened, or throws naming the field.
   *
   * @param patience how long what comes before the exec may take
   * @param receiver of the listener, if the process has a filter with one
   */
  final void openGate(Duration patience, ListenerReceiver receiver) {
    ListenerReceiver orKill = listener -> takeOrKill(listener, receiver);
    lock.lock();
    try {
      Stub launched = hold.stub();
      if (hold.released()) {
        new StartGate(directory).open(GATE_LIMIT.plus(patience), pidfd(), orKill);
      } else if (launched != null) {
        launched.start(orKill);
      } else {
        startAdopted(CONTROL_LIMIT.plus(patience), orKill);
      }
      input.releaseIfClosed();
    } finally {
      lock.unlock();
    }
  }

  /** Nothing runs with a filter of which the agent does not know. */
  private void takeOrKill(Fd listener, ListenerReceiver receiver) {
    try {
      receiver.take(listener);
    } catch (BerthException e) {
      signal(SIGKILL);
      throw e;
    }
  }

  private void startAdopted(Duration limit, ListenerReceiver receiver) {
    try (StubChannel control = StubChannel.connect(directory, CONTROL_LIMIT)) {
      control.send(StubMessage.of(StubMessage.Kind.START), List.of(), limit);
      StubMessage reply =
          ListenerReceiver.answerToStart(() -> control.answer("START", limit), receiver);
      if (reply.kind() != StubMessage.Kind.STARTED) {
        throw new BerthException(
            BerthException.Kind.INTERNAL,
            "start failed at step " + (reply.a() - 1) + " of a plan made before a restart");
      }
    }
  }

  /**
   * Sends a signal to this process alone.
   *
   * @return false if it has ended already
   */
  public boolean signal(int number) {
    Fd process = hold.pidfd();
    return exit == null && process != null && Processes.signal(process, number);
  }

  /** Resizes the terminal; FAILED_PRECONDITION if it has none. */
  public void resize(int rows, int columns) {
    control(StubMessage.of(StubMessage.Kind.RESIZE, rows, columns), List.of());
  }

  /** Lets the process read the end of its input. Idempotent. */
  public void closeStdin() {
    control(StubMessage.of(StubMessage.Kind.CLOSE_STDIN), List.of());
    input.closed();
  }

  /**
   * Where its stub's control socket is: what {@link Attachment#open} wants to know. Any process of
   * root's may use it, without this JVM.
   */
  public Path controlDirectory() {
    return directory.path();
  }

  /**
   * Attaches to the output, and input if it is kept for that; a killed stub is replaced first.
   *
   * @throws BerthException see {@link Attachment#open}
   */
  public Attachment attach(AttachStreams streams) {
    poll();
    return Attachment.open(directory.path(), streams);
  }

  /**
   * Asks the stub; one that was killed is replaced first, so that a request is not lost with it.
   */
  final void control(StubMessage request, List<Fd> descriptors) {
    try {
      ask(request, descriptors);
    } catch (BerthException e) {
      if (e.kind() != BerthException.Kind.UNAVAILABLE || poll().isPresent()) {
        throw e;
      }
      ask(request, descriptors);
    }
  }

  private void ask(StubMessage request, List<Fd> descriptors) {
    try (StubChannel control = StubChannel.connect(directory, CONTROL_LIMIT)) {
      control.ask(request, descriptors, CONTROL_LIMIT);
    }
  }

  /**
   * Has somebody told that {@link #exitSignal} is another one now: whoever looks at the process may
   * find that its stub was killed, and replace it.
   *
   * @param listener called while this process is locked, so only to pass it on
   */
  public void onSignalChange(Runnable listener) {
    signalChanged = listener;
  }

  /**
   * Readable when {@link #poll} has something to say; empty when it has right now. It changes when
   * a stub was replaced: see {@link #onSignalChange}.
   */
  public Optional<Fd> exitSignal() {
    StubChannel watch = hold.watch();
    return watch == null || exit != null ? Optional.empty() : Optional.of(watch.socket().fd());
  }

  /**
   * Says whether the process has ended, without waiting for it. May take milliseconds when a killed
   * stub must be replaced.
   */
  public Optional<TaskExit> poll() {
    lock.lock();
    try {
      if (exit != null) {
        return Optional.of(exit);
      }
      if (hold.released()) {
        return pollReleased();
      }
      StubChannel watch = hold.watch() == null ? connect() : hold.watch();
      if (watch != null) {
        switch (watch.socket().tryReceive(StubMessage.MAX_BYTES)) {
          case SeqpacketSocket.Received.Nothing() -> {
            return Optional.empty();
          }
          case SeqpacketSocket.Received.Data(var message) -> {
            boolean ended = isEnd(message);
            input.releaseIfClosed();
            if (!ended) {
              return poll();
            }
          }
          case SeqpacketSocket.Received.Closed() -> input.releaseIfClosed();
        }
      }
      return stubEnded();
    } finally {
      lock.unlock();
    }
  }

  private Optional<TaskExit> pollReleased() {
    Fd process = hold.pidfd();
    if (process != null && !Processes.awaitExit(process, Duration.ZERO)) {
      return Optional.empty();
    }
    Instant now = Instant.now();
    Optional<ExitStatus> status = Optional.ofNullable(process).flatMap(Processes::exitStatus);
    exit = status.map(how -> TaskExit.of(how, now)).orElseGet(() -> TaskExit.unknown(now));
    return Optional.of(exit);
  }

  /** Connects to the stub that another JVM left, and asks what it holds; null if it is gone. */
  private @Nullable StubChannel connect() {
    StubChannel channel;
    try {
      channel = StubChannel.connect(directory, CONNECT_LIMIT);
    } catch (BerthException e) {
      if (e.kind() != BerthException.Kind.UNAVAILABLE) {
        throw e;
      }
      return null;
    }
    try {
      channel.send(StubMessage.of(StubMessage.Kind.DESCRIPTORS), List.of(), CONNECT_LIMIT);
      if (hold.toStart()) { // refused if the gate is open, which is as good
        channel.send(StubMessage.of(StubMessage.Kind.START), List.of(), CONNECT_LIMIT);
      }
    } catch (NativeException e) {
      channel.close();
      if (e.is(Errno.EPIPE)) { // it ended before it took the connection
        return null;
      }
      throw e;
    } catch (RuntimeException e) {
      channel.close();
      throw e;
    }
    hold = hold.connected(channel);
    signalChanged.run();
    return channel;
  }

  private boolean isEnd(SeqpacketSocket.Message message) {
    try (message) {
      StubMessage head = StubMessage.decode(message.data()).orElse(null);
      if (head == null) {
        return true;
      }
      return switch (head.kind()) {
        case DESCRIPTORS_ARE -> {
          List<Fd> descriptors =
              message.descriptors().stream().map(fd -> Fd.own(fd.release())).toList();
          hold = hold.answered(Stub.created(head.a(), descriptors));
          yield false;
        }
        case STDIN_CLOSED, STARTED, FAILED, ERROR -> false; // what failed to start ends by itself
        default -> true;
      };
    }
  }

  /** Waits for the end; empty if the time is over first. */
  public Optional<TaskExit> await(Duration timeout) {
    Instant deadline = Instant.now().plus(timeout);
    while (true) {
      Optional<TaskExit> ended = poll();
      Duration left = Duration.between(Instant.now(), deadline);
      if (ended.isPresent() || !left.isPositive()) {
        return ended;
      }
      StubChannel watch = hold.watch();
      Fd process = hold.pidfd();
      if (watch != null) {
        watch.socket().awaitReadable(left);
      } else if (hold.released() && process != null) {
        Processes.awaitExit(process, left);
      }
    }
  }

  /** How it ended, as far as this object has noticed: see {@link #poll}. */
  public Optional<TaskExit> exit() {
    return Optional.ofNullable(exit);
  }

  private Optional<TaskExit> stubEnded() {
    reapStub();
    Optional<ExitRecord> record = ExitRecord.read(directory.exitRecord());
    if (record.isEmpty()) {
      replaceStub();
      return poll();
    }
    Instant at = record.get().at();
    if (record.get().adopted()) {
      exit = howItEnded(at);
    } else {
      exit = TaskExit.of(record.get().status(), at);
      reapOrphan();
    }
    return Optional.of(exit);
  }

  /** A stub that was killed right after it wrote the record has left its child to us. */
  private void reapOrphan() {
    Fd process = hold.pidfd();
    if (process != null) {
      var _ = reapOrAsk(process);
    }
  }

  private void reapStub() {
    Stub launched = hold.stub();
    if (launched != null) {
      launched.reap();
    }
  }

  private void replaceStub() {
    StubChannel watch = hold.watch(); // closed last: if adopting fails, the next poll tries again
    hold = hold.withStub(adopter.adopt(hold.pid(), hold.pidfd(), hold.master()));
    if (watch != null) {
      watch.close();
    }
    signalChanged.run();
  }

  /**
   * Asks the kernel, when no stub was the parent any more. The process was reparented to this JVM
   * or to init, which may reap late, so a little waiting is in order.
   */
  private TaskExit howItEnded(Instant at) {
    Fd process = hold.pidfd();
    Instant deadline = Instant.now().plus(ORPHAN_LIMIT);
    while (process != null && Instant.now().isBefore(deadline)) {
      Optional<ExitStatus> status = reapOrAsk(process);
      if (status.isPresent()) {
        ExitRecord.write(directory.exitRecord(), hold.pid(), status.get(), at);
        return TaskExit.of(status.get(), at);
      }
      LockSupport.parkNanos(REAP_POLL_NANOS);
    }
    return TaskExit.unknown(at);
  }

  private static Optional<ExitStatus> reapOrAsk(Fd process) {
    try {
      return Processes.reap(process);
    } catch (NativeException e) {
      return Processes.exitStatus(process); // not our child, or reaped by someone else
    }
  }

  /** Ends a process that was never started, with its stub. */
  final void abort() {
    lock.lock();
    try {
      Stub launched = hold.stub();
      if (launched != null) {
        launched.abort();
      } else {
        signal(SIGKILL);
        await(REAP_LIMIT);
      }
    } finally {
      lock.unlock();
    }
  }

  /** Lets go of the process and its stub; both live on. Idempotent. */
  @Override
  public void close() {
    lock.lock();
    try {
      hold.close();
      input.close();
    } finally {
      lock.unlock();
    }
  }
}
