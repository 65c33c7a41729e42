package dev.berth.runtime.kernel;

import static dev.berth.base.BerthException.Kind.DEADLINE_EXCEEDED;
import static dev.berth.base.BerthException.Kind.INTERNAL;
import static java.nio.charset.StandardCharsets.UTF_8;

import dev.berth.base.BerthException;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A socket to one of the kernel's netlink families: netlink(7).
 *
 * <p>Belongs to the network namespace of the thread that opened it, wherever it is used. The kernel
 * does what a message says within the call that sends it, which may wait for locks of the kernel:
 * from a virtual thread that goes to a platform thread. Not thread-safe.
 */
public final class NetlinkSocket implements AutoCloseable {
  // sys/socket.h
  private static final int AF_NETLINK = 16;
  private static final int SOCK_RAW = 3;
  private static final int SOCK_CLOEXEC = 0x80000;
  private static final int SOCK_NONBLOCK = 0x800;
  private static final int SOL_NETLINK = 270;
  // linux/netlink.h
  private static final int NETLINK_ADD_MEMBERSHIP = 1;
  private static final int NETLINK_CAP_ACK = 10;
  private static final int NETLINK_EXT_ACK = 11;
  private static final int NLMSG_ERROR = 2;
  private static final int NLMSG_DONE = 3;
  private static final int NLM_F_ACK_TLVS = 0x200;
  private static final int NLMSGERR_ATTR_MSG = 1;
  private static final int SIZE_OF_NLMSGERR = 20;
  private static final int SIZE_OF_SOCKADDR_NL = 12;

  /** As libnl uses; the kernel fills at most 32 KiB per read of a dump. */
  private static final int BUFFER_BYTES = 32768;

  /** The kernel answers within the call that sends; this only bounds a fault. */
  private static final Duration LIMIT = Duration.ofSeconds(10);

  private final Fd fd;
  private int sequence;
  private int port;

  private NetlinkSocket(Fd fd) {
    this.fd = fd;
  }

  /** The parts of the kernel that are spoken to. */
  public enum Family {
    /** Devices, addresses, routes: rtnetlink(7). */
    ROUTE(0),
    /** The packet filter: nfnetlink. */
    NETFILTER(12);

    private final int number;

    Family(int number) {
      this.number = number;
    }
  }

  /** A message with what it is about, for errors. */
  record Step(NetlinkMessage message, String subject) {}

  /**
   * A message from the kernel.
   *
   * @param port the socket whose request it answers or reports
   */
  record Reply(int type, int port, ByteBuffer body) {}

  /**
   * Opens a socket in the network namespace of this thread.
   *
   * @throws NativeException EPROTONOSUPPORT if the kernel lacks the family
   */
  public static NetlinkSocket open(Family family) {
    NetlinkSocket socket =
        new NetlinkSocket(
            Fd.own(
                Syscalls.check(
                    "socket",
                    "netlink " + family,
                    AF_NETLINK,
                    SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK,
                    family.number)));
    try {
      socket.option(NETLINK_CAP_ACK, 1);
      socket.option(NETLINK_EXT_ACK, 1);
      return socket;
    } catch (RuntimeException e) {
      socket.close();
      throw e;
    }
  }

  private void option(int option, int value) {
    try (var number = NativeMemory.allocate(4)) {
      number.putInt(0, value);
      Syscalls.check(
          "setsockopt", "netlink", fd.number(), SOL_NETLINK, option, number.address(), 4);
    }
  }

  /** Receives what the kernel tells a group from now on; read it by {@link #events}. */
  void subscribe(int group) {
    bind(); // a socket without a number of its own is passed over
    option(NETLINK_ADD_MEMBERSHIP, group);
  }

  /** Lets the kernel choose the number. */
  private void bind() {
    try (var address = NativeMemory.allocate(SIZE_OF_SOCKADDR_NL)) {
      address.putShort(0, (short) AF_NETLINK);
      Syscalls.check("bind", "netlink", fd.number(), address.address(), address.sizeBytes());
    }
  }

  /** Returns the descriptor, for an {@link EventLoop}; it stays this socket's. */
  Fd fd() {
    return fd;
  }

  /** Returns the number by which the kernel names this socket in reports; 0 before it has asked. */
  int port() {
    return port;
  }

  /**
   * Returns the reports that have come; none if there are none now.
   *
   * @throws NativeException ENOBUFS if some were lost
   */
  List<Reply> events() {
    List<Reply> events = new ArrayList<>();
    Optional<byte[]> bytes = Descriptors.read(fd, BUFFER_BYTES);
    while (bytes.isPresent()) {
      ByteBuffer messages = inNativeOrder(bytes.get());
      while (messages.remaining() >= NetlinkMessage.SIZE_OF_NLMSGHDR) {
        events.add(next(messages).reply);
      }
      bytes = Descriptors.read(fd, BUFFER_BYTES);
    }
    return events;
  }

  /** Sends one request and reads until its end: the last part of a dump, or its acknowledgement. */
  List<Reply> request(NetlinkMessage message, String subject) {
    return exchange(List.of(new Step(message, subject)));
  }

  /**
   * Sends requests in one go, which are done in their order.
   *
   * @throws NativeException of the first that fails, naming its subject; whether those behind it
   *     were done is up to the family
   */
  void commit(List<Step> steps) {
    List<Reply> _ = exchange(steps);
  }

  private List<Reply> exchange(List<Step> steps) {
    return PlatformThreads.waiting(() -> {
      int first = sequence + 1;
      var bytes = new ByteArrayOutputStream();
      for (Step step : steps) {
        bytes.writeBytes(step.message.toBytes(++sequence));
      }
      Descriptors.write(fd, bytes.toByteArray());
      return collect(steps, first);
    });
  }

  private List<Reply> collect(List<Step> steps, int first) {
    List<Reply> replies = new ArrayList<>();
    int last = lastAnswered(steps, first);
    while (true) {
      ByteBuffer messages = receive(steps.getFirst().subject);
      while (messages.remaining() >= NetlinkMessage.SIZE_OF_NLMSGHDR) {
        Numbered message = next(messages);
        int number = message.sequence;
        if (number < first || number > sequence) {
          continue; // the end of a request that failed half way
        }
        port = message.reply.port;
        switch (message.reply.type) {
          case NLMSG_DONE -> {
            return replies;
          }
          case NLMSG_ERROR -> {
            requireSuccess(message, steps.get(number - first).subject);
            if (number == last) {
              return replies;
            }
          }
          default -> replies.add(message.reply);
        }
      }
    }
  }

  /** The marks around a batch of nfnetlink are not acknowledged, and a dump ends by itself. */
  private static int lastAnswered(List<Step> steps, int first) {
    for (int i = steps.size() - 1; i > 0; i--) {
      if ((steps.get(i).message.flags() & NetlinkMessage.NLM_F_ACK) != 0) {
        return first + i;
      }
    }
    return first;
  }

  private static void requireSuccess(Numbered message, String subject) {
    ByteBuffer body = message.reply.body;
    int errno = -body.getInt(0);
    if (errno == 0) {
      return;
    }
    byte[] words =
        (message.flags & NLM_F_ACK_TLVS) == 0
            ? null
            : NetlinkAttributes.parse(body, SIZE_OF_NLMSGERR).get(NLMSGERR_ATTR_MSG);
    throw words == null
        ? new NativeException("netlink", subject, errno)
        : new NativeException(
            "netlink", subject, errno, new String(words, UTF_8).replace("\0", ""));
  }

  private record Numbered(int sequence, int flags, Reply reply) {}

  /** Takes one message off the front of what was read. */
  private static Numbered next(ByteBuffer messages) {
    int start = messages.position();
    int length = messages.getInt(start);
    if (length < NetlinkMessage.SIZE_OF_NLMSGHDR || length > messages.remaining()) {
      throw new BerthException(INTERNAL, "netlink: a torn message");
    }
    ByteBuffer body =
        messages
            .slice(
                start + NetlinkMessage.SIZE_OF_NLMSGHDR, length - NetlinkMessage.SIZE_OF_NLMSGHDR)
            .order(ByteOrder.nativeOrder());
    messages.position(Math.min(messages.limit(), start + NetlinkAttributes.align(length)));
    return new Numbered(
        messages.getInt(start + 8),
        messages.getShort(start + 6) & 0xFFFF,
        new Reply(messages.getShort(start + 4) & 0xFFFF, messages.getInt(start + 12), body));
  }

  private ByteBuffer receive(String subject) {
    Optional<byte[]> bytes = Descriptors.read(fd, BUFFER_BYTES);
    while (bytes.isEmpty()) {
      if (!Poll.await(fd, Poll.POLLIN, LIMIT)) {
        throw new BerthException(DEADLINE_EXCEEDED, "netlink " + subject + ": no answer");
      }
      bytes = Descriptors.read(fd, BUFFER_BYTES);
    }
    return inNativeOrder(bytes.get());
  }

  private static ByteBuffer inNativeOrder(byte[] bytes) {
    return ByteBuffer.wrap(bytes).order(ByteOrder.nativeOrder());
  }

  /** Closes the socket. Idempotent. */
  @Override
  public void close() {
    fd.close();
  }
}
