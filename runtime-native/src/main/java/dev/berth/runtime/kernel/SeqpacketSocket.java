package dev.berth.runtime.kernel;

import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;
import static dev.berth.base.BerthException.Kind.UNAVAILABLE;
import static dev.berth.runtime.kernel.UnixAddress.AF_UNIX;

import dev.berth.base.BerthException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/**
 * A connected unix socket that keeps message boundaries and carries descriptors: unix(7),
 * SOCK_SEQPACKET.
 *
 * <p>Paths are given as a directory and a name and reach the kernel as /proc/self/fd/N/NAME:
 * sun_path has 108 bytes, which state directories easily exceed. Only named sockets, never abstract
 * ones, which any process of the network namespace could reach (rule R17).
 *
 * <p>The descriptor is non-blocking. Calls with a timeout wait in poll(2), off the carrier threads;
 * those that serve many sockets register {@link #fd()} with the {@link EventLoop} and use {@link
 * #tryReceive}. One thread may send while another receives; no two of the same.
 */
public final class SeqpacketSocket implements AutoCloseable {
  /** How many descriptors one message may carry. */
  public static final int MAX_DESCRIPTORS = 64;

  // bits/socket.h, asm-generic/socket.h
  private static final int SOCK_SEQPACKET = 5;
  private static final int SOCK_NONBLOCK = 0x800;
  private static final int SOCK_CLOEXEC = 0x80000;
  private static final int SOL_SOCKET = 1;
  private static final int SO_PEERCRED = 17;
  private static final int SO_SNDTIMEO = 21;
  private static final int SO_PEERPIDFD = 77;

  private final Fd fd;

  private SeqpacketSocket(Fd fd) {
    this.fd = fd;
  }

  /** One received message; it owns its descriptors. */
  public static final class Message implements AutoCloseable {
    private final byte[] data;
    private final List<Fd> descriptors;

    Message(byte[] data, List<Fd> descriptors) {
      this.data = data;
      this.descriptors = List.copyOf(descriptors);
    }

    /** The bytes, at least one; the array belongs to the caller. */
    public byte[] data() {
      return data;
    }

    /**
     * What came with it, close-on-exec. Closed with the message: whoever keeps one {@linkplain
     * Fd#release releases} it first.
     */
    public List<Fd> descriptors() {
      return descriptors;
    }

    /** Closes the descriptors that were not released. Idempotent. */
    @Override
    public void close() {
      descriptors.forEach(Fd::close);
    }
  }

  /** What {@link #tryReceive} can find. */
  public sealed interface Received {
    /** A message, owned by the caller. */
    record Data(Message message) implements Received {}

    /** Nothing now; the socket is open. */
    record Nothing() implements Received {}

    /** The peer has closed, and every message was received. */
    record Closed() implements Received {}
  }

  /**
   * Who connected, as seen at connect or socketpair.
   *
   * @param pid number in this process's pid namespace; 0 if it is not in it
   */
  public record Peer(int pid, int uid, int gid) {}

  /** Two connected ends. */
  public record Pair(SeqpacketSocket first, SeqpacketSocket second) implements AutoCloseable {
    @Override
    public void close() {
      first.close();
      second.close();
    }
  }

  /** Makes two connected ends; the caller closes both. */
  public static Pair pair() {
    try (var numbers = NativeMemory.allocate(8)) {
      Syscalls.check(
          "socketpair",
          "seqpacket",
          AF_UNIX,
          SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC,
          0,
          numbers.address());
      return new Pair(
          new SeqpacketSocket(Fd.own(numbers.getInt(0))),
          new SeqpacketSocket(Fd.own(numbers.getInt(4))));
    }
  }

  /** Takes ownership of a connected socket. */
  public static SeqpacketSocket own(Fd socket) {
    Descriptors.setNonBlocking(socket, true);
    return new SeqpacketSocket(socket);
  }

  /**
   * Connects to a named socket.
   *
   * @param timeout how long to wait while the listener's queue is full
   * @throws NativeException ENOENT without such a name, ECONNREFUSED if nobody listens there any
   *     more, EAGAIN if the queue stayed full
   */
  public static SeqpacketSocket connect(DirFd directory, String name, Duration timeout) {
    Fd fd = create(0);
    try {
      setSendTimeout(fd, timeout);
      try (var address = UnixAddress.of(directory, name)) {
        PlatformThreads.waiting(() ->
            Syscalls.check("connect", name, fd.number(), address.pointer(), address.sizeBytes()));
      }
      Descriptors.setNonBlocking(fd, true);
      return new SeqpacketSocket(fd);
    } catch (RuntimeException e) {
      fd.close();
      throw e;
    }
  }

  private static Fd create(int flags) {
    return Fd.own(
        Syscalls.check("socket", "seqpacket", AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | flags, 0));
  }

  private static void setSendTimeout(Fd fd, Duration timeout) {
    try (var timeval = NativeMemory.allocate(16)) {
      timeval.putLong(0, timeout.toSeconds()).putLong(8, Math.max(1, timeout.toNanosPart() / 1000));
      Syscalls.check(
          "setsockopt",
          fd + " SO_SNDTIMEO",
          fd.number(),
          SOL_SOCKET,
          SO_SNDTIMEO,
          timeval.address(),
          16);
    }
  }

  /** Listens on a name; see {@link #listen}. */
  public static final class Listener implements AutoCloseable {
    private final Fd fd;

    private Listener(Fd fd) {
      this.fd = fd;
    }

    /** The listening descriptor, readable when a connection waits; owned by this object. */
    public Fd fd() {
      return fd;
    }

    /** Accepts a waiting connection; empty if there is none now. */
    public Optional<SeqpacketSocket> tryAccept() {
      Syscalls.Result result =
          Syscalls.call(
              Descriptors.number("accept4"), fd.number(), 0, 0, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (result.failedWith(Errno.EAGAIN)) {
        return Optional.empty();
      }
      return Optional.of(new SeqpacketSocket(Fd.own(Descriptors.checked("accept4", fd, result))));
    }

    /** Waits for a connection; empty if the time is over first. */
    public Optional<SeqpacketSocket> accept(Duration timeout) {
      return Poll.await(fd, Poll.POLLIN, timeout) ? tryAccept() : Optional.empty();
    }

    /** Stops listening. The name stays: whoever owns the directory unlinks it. Idempotent. */
    @Override
    public void close() {
      fd.close();
    }
  }

  /**
   * Makes a named socket and listens on it.
   *
   * @param mode permission bits of the name, whatever the umask is
   * @throws NativeException EADDRINUSE if the name is taken, also by a dead listener
   */
  public static Listener listen(DirFd directory, String name, int mode) {
    Fd fd = create(SOCK_NONBLOCK);
    try {
      try (var address = UnixAddress.of(directory, name)) {
        // Before bind the mode of the socket is that of the name to be, less the umask: unix(7).
        Syscalls.check("fchmod", fd, fd.number(), mode);
        Syscalls.check("bind", name, fd.number(), address.pointer(), address.sizeBytes());
      }
      Syscalls.check("listen", name, fd.number(), 128);
      return new Listener(fd);
    } catch (RuntimeException e) {
      fd.close();
      throw e;
    }
  }

  /** The connected descriptor, for the event loop or to hand on; owned by this object. */
  public Fd fd() {
    return fd;
  }

  /**
   * Sends one message.
   *
   * @param descriptors stay the sender's; the receiver gets copies
   * @throws NativeException EPIPE or ECONNRESET if the peer has closed, EMSGSIZE if the message is
   *     larger than the socket's buffer
   * @throws BerthException UNAVAILABLE if the peer's queue stayed full for {@code timeout}
   */
  public void send(byte[] data, List<Fd> descriptors, Duration timeout) {
    if (data.length == 0) { // the receiver could not tell it from the end
      throw new BerthException(INVALID_ARGUMENT, "send " + fd + ": an empty message");
    }
    if (descriptors.size() > MAX_DESCRIPTORS) {
      throw new BerthException(
          INVALID_ARGUMENT, "send " + fd + ": more than " + MAX_DESCRIPTORS + " descriptors");
    }
    long deadline = System.nanoTime() + timeout.toNanos();
    while (!MessageHeader.send(fd, data, descriptors)) {
      Duration left = Duration.ofNanos(deadline - System.nanoTime());
      if (!Poll.await(fd, Poll.POLLOUT, left)) {
        throw new BerthException(UNAVAILABLE, "send " + fd + ": the peer does not read");
      }
    }
  }

  /** Sends a message without descriptors. */
  public void send(byte[] data, Duration timeout) {
    send(data, List.of(), timeout);
  }

  /**
   * Takes one message if there is one.
   *
   * @param maxBytes bound of the message
   * @throws BerthException INVALID_ARGUMENT if the peer sent more bytes or descriptors than
   *     allowed; that message is lost
   */
  public Received tryReceive(int maxBytes) {
    return MessageHeader.receive(fd, maxBytes);
  }

  /** Waits until there is something to receive or the peer has gone; false if the time is over. */
  public boolean awaitReadable(Duration timeout) {
    return Poll.await(fd, Poll.POLLIN, timeout);
  }

  /**
   * Waits for one message.
   *
   * @return {@link Received.Nothing} if the time is over first
   */
  public Received receive(int maxBytes, Duration timeout) {
    Received received = tryReceive(maxBytes);
    if (received instanceof Received.Nothing && Poll.await(fd, Poll.POLLIN, timeout)) {
      return tryReceive(maxBytes);
    }
    return received;
  }

  /** Says who is at the other end, as the kernel saw it then; a later exec changes nothing. */
  public Peer peer() {
    try (var ucred = NativeMemory.allocate(12);
        var length = NativeMemory.allocate(4)) {
      length.putInt(0, 12);
      Syscalls.check(
          "getsockopt",
          fd + " SO_PEERCRED",
          fd.number(),
          SOL_SOCKET,
          SO_PEERCRED,
          ucred.address(),
          length.address());
      return new Peer(ucred.getInt(0), ucred.getInt(4), ucred.getInt(8));
    }
  }

  /** Opens a pidfd of the peer, closed by the caller; empty on kernels before 6.5 or when gone. */
  public Optional<Fd> peerPidfd() {
    try (var number = NativeMemory.allocate(4);
        var length = NativeMemory.allocate(4)) {
      length.putInt(0, 4);
      Syscalls.Result result =
          Syscalls.call(
              Descriptors.number("getsockopt"),
              fd.number(),
              SOL_SOCKET,
              SO_PEERPIDFD,
              number.address(),
              length.address());
      return result.failed() ? Optional.empty() : Optional.of(Fd.own(number.getInt(0)));
    }
  }

  /** Closes the connection. Idempotent. */
  @Override
  public void close() {
    fd.close();
  }
}
