package dev.berth.runtime.kernel;

import static dev.berth.base.BerthException.Kind.DEADLINE_EXCEEDED;
import static dev.berth.base.BerthException.Kind.INTERNAL;
import static dev.berth.base.BerthException.Kind.NOT_FOUND;

import dev.berth.base.BerthException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;

/**
 * Asks and changes the network devices of a network namespace: rtnetlink(7).
 *
 * <p>Belongs to the namespace of the thread that opened it, wherever it is used. Not thread-safe.
 */
public final class RtNetlink implements AutoCloseable {
  // linux/netlink.h, linux/rtnetlink.h
  private static final int AF_NETLINK = 16;
  private static final int SOCK_RAW = 3;
  private static final int SOCK_CLOEXEC = 0x80000;
  private static final int NLMSG_ERROR = 2;
  private static final int NLMSG_DONE = 3;
  private static final int NLM_F_REQUEST = 1;
  private static final int NLM_F_ACK = 4;
  private static final int NLM_F_DUMP = 0x300;
  private static final int RTM_NEWLINK = 16;
  private static final int RTM_GETLINK = 18;
  private static final int RTM_NEWADDR = 20;
  private static final int RTM_GETADDR = 22;
  static final int SIZE_OF_NLMSGHDR = 16;
  // linux/if_link.h, linux/if_addr.h, linux/if.h
  static final int SIZE_OF_IFINFOMSG = 16;
  static final int SIZE_OF_IFADDRMSG = 8;
  private static final int IFLA_ADDRESS = 1;
  private static final int IFLA_IFNAME = 3;
  private static final int IFLA_MTU = 4;
  private static final int IFA_ADDRESS = 1;
  private static final int IFA_LOCAL = 2;
  private static final int IFF_UP = 1;

  /** As libnl uses; the kernel fills at most 32 KiB per read of a dump. */
  private static final int BUFFER_BYTES = 32768;

  /** The kernel answers within the call that sends; this only bounds a fault. */
  private static final Duration LIMIT = Duration.ofSeconds(10);

  private final Fd fd;
  private int sequence;

  private RtNetlink(Fd fd) {
    this.fd = fd;
  }

  /**
   * A network device.
   *
   * @param index its number in this namespace
   * @param name its name
   * @param up whether it is administratively up
   * @param mac hardware address as {@code 02:00:00:00:00:01}, empty if it has none
   * @param mtu largest packet in bytes
   */
  public record Link(int index, String name, boolean up, String mac, int mtu) {}

  /** An address of a network device. */
  public record Address(int linkIndex, InetAddress address, int prefixLength) {}

  /** Opens a socket in the network namespace of this thread. */
  public static RtNetlink open() {
    return new RtNetlink(
        Fd.own(Syscalls.check("socket", "netlink", AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0)));
  }

  /** Lists the devices. */
  public List<Link> links() {
    byte[] body = new byte[SIZE_OF_IFINFOMSG];
    List<Link> links = new ArrayList<>();
    for (Reply reply : request(RTM_GETLINK, NLM_F_DUMP, body, "links")) {
      if (reply.type == RTM_NEWLINK) {
        links.add(link(reply.body));
      }
    }
    return links;
  }

  /**
   * Finds a device by name.
   *
   * @throws BerthException NOT_FOUND if there is none
   */
  public Link link(String name) {
    return links().stream()
        .filter(link -> link.name.equals(name))
        .findFirst()
        .orElseThrow(() -> new BerthException(NOT_FOUND, "no network device " + name));
  }

  /** Lists the addresses of all devices. */
  public List<Address> addresses() {
    byte[] body = new byte[SIZE_OF_IFADDRMSG];
    List<Address> addresses = new ArrayList<>();
    for (Reply reply : request(RTM_GETADDR, NLM_F_DUMP, body, "addresses")) {
      if (reply.type == RTM_NEWADDR) {
        addresses.add(address(reply.body));
      }
    }
    return addresses;
  }

  /** Sets a device up; idempotent. */
  public void bringUp(int linkIndex) {
    byte[] body = new byte[SIZE_OF_IFINFOMSG];
    inNativeOrder(body).putInt(4, linkIndex).putInt(8, IFF_UP).putInt(12, IFF_UP);
    request(RTM_NEWLINK, NLM_F_ACK, body, "link " + linkIndex + " up");
  }

  private static Link link(ByteBuffer body) {
    int index = body.getInt(4);
    boolean up = (body.getInt(8) & IFF_UP) != 0;
    Map<Integer, byte[]> attributes = NetlinkAttributes.parse(body, SIZE_OF_IFINFOMSG);
    byte[] name = attributes.getOrDefault(IFLA_IFNAME, new byte[1]);
    byte[] mac = attributes.getOrDefault(IFLA_ADDRESS, new byte[0]);
    byte[] mtu = attributes.getOrDefault(IFLA_MTU, new byte[4]);
    return new Link(
        index,
        new String(name, 0, name.length - 1, StandardCharsets.UTF_8),
        up,
        HexFormat.ofDelimiter(":").formatHex(mac),
        inNativeOrder(mtu).getInt());
  }

  private static Address address(ByteBuffer body) {
    Map<Integer, byte[]> attributes = NetlinkAttributes.parse(body, SIZE_OF_IFADDRMSG);
    // On a point-to-point link IFA_ADDRESS is the peer's; elsewhere IPv6 has nothing else.
    byte[] bytes = attributes.get(IFA_LOCAL);
    if (bytes == null) {
      bytes = attributes.getOrDefault(IFA_ADDRESS, new byte[0]);
    }
    try {
      return new Address(body.getInt(4), InetAddress.getByAddress(bytes), body.get(1) & 0xFF);
    } catch (UnknownHostException e) {
      throw new BerthException(INTERNAL, "netlink: an address of " + bytes.length + " bytes", e);
    }
  }

  private record Reply(int type, ByteBuffer body) {}

  /** Sends one request and reads until its end: the last part of a dump, or the acknowledgement. */
  private List<Reply> request(int type, int flags, byte[] body, String subject) {
    int number = ++sequence;
    byte[] message = new byte[SIZE_OF_NLMSGHDR + body.length];
    inNativeOrder(message)
        .putInt(message.length)
        .putShort((short) type)
        .putShort((short) (NLM_F_REQUEST | flags))
        .putInt(number)
        .putInt(0)
        .put(body);
    Descriptors.write(fd, message);

    List<Reply> replies = new ArrayList<>();
    boolean finished = false;
    while (!finished) {
      finished = collect(receive(subject), number, subject, replies);
    }
    return replies;
  }

  /** Takes the messages of one read apart; returns whether the last one was among them. */
  private static boolean collect(
      ByteBuffer messages, int number, String subject, List<Reply> replies) {
    while (messages.remaining() >= SIZE_OF_NLMSGHDR) {
      int start = messages.position();
      int length = messages.getInt(start);
      if (length < SIZE_OF_NLMSGHDR || length > messages.remaining()) {
        throw new BerthException(INTERNAL, "netlink " + subject + ": a torn message");
      }
      int type = messages.getShort(start + 4);
      ByteBuffer body =
          messages
              .slice(start + SIZE_OF_NLMSGHDR, length - SIZE_OF_NLMSGHDR)
              .order(ByteOrder.nativeOrder());
      boolean ours = messages.getInt(start + 8) == number;
      messages.position(Math.min(messages.limit(), start + NetlinkAttributes.align(length)));
      if (!ours) {
        continue; // the end of a request that failed half way
      }
      if (type == NLMSG_DONE) {
        return true;
      }
      if (type == NLMSG_ERROR) {
        int errno = -body.getInt(0);
        if (errno != 0) {
          throw new NativeException("netlink", subject, errno);
        }
        return true;
      }
      replies.add(new Reply(type, body));
    }
    return false;
  }

  private ByteBuffer receive(String subject) {
    if (!Poll.await(fd, Poll.POLLIN, LIMIT)) {
      throw new BerthException(DEADLINE_EXCEEDED, "netlink " + subject + ": no answer");
    }
    byte[] bytes = Descriptors.read(fd, BUFFER_BYTES).orElseThrow();
    return inNativeOrder(bytes);
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
