package dev.berth.runtime.kernel;

import static dev.berth.base.BerthException.Kind.INTERNAL;
import static dev.berth.base.BerthException.Kind.NOT_FOUND;

import dev.berth.base.BerthException;
import dev.berth.runtime.kernel.NetlinkSocket.Reply;
import dev.berth.runtime.kernel.NetlinkSocket.Step;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Asks and changes the network devices of a network namespace: rtnetlink(7).
 *
 * <p>Belongs to the namespace of the thread that opened it, wherever it is used. Not thread-safe.
 */
public final class RtNetlink implements AutoCloseable {
  static final String MAC_DELIMITER = ":";
  private static final int IFF_UP = 1; // linux/if.h

  private final NetlinkSocket socket;

  private RtNetlink(NetlinkSocket socket) {
    this.socket = socket;
  }

  /**
   * A network device.
   *
   * @param index its number in this namespace
   * @param name its name
   * @param up whether it is administratively up
   * @param mac hardware address as {@code 02:00:00:00:00:01}, empty if it has none
   * @param mtu largest packet in bytes
   * @param masterIndex number of the bridge or bond that it belongs to; 0 if it is on its own
   */
  public record Link(int index, String name, boolean up, String mac, int mtu, int masterIndex) {}

  /** An address of a network device. */
  public record Address(int linkIndex, InetAddress address, int prefixLength) {}

  /**
   * A pair of devices that are the two ends of one wire.
   *
   * @param name of the end in this namespace
   * @param bridgeIndex number of the bridge that this end belongs to
   * @param mtu largest packet of both, in bytes
   * @param peerName of the other end
   * @param peerMac hardware address of the other end, as {@code 02:00:00:00:00:01}
   * @param peerNamespace where the other end is made; stays the caller's
   */
  public record VethPair(
      String name, int bridgeIndex, int mtu, String peerName, String peerMac, Fd peerNamespace) {}

  /** Opens a socket in the network namespace of this thread. */
  public static RtNetlink open() {
    return new RtNetlink(NetlinkSocket.open(NetlinkSocket.Family.ROUTE));
  }

  /** Lists the devices. */
  public List<Link> links() {
    return socket.request(LinkMessages.list(), "links").stream().map(RtNetlink::link).toList();
  }

  /**
   * Finds a device by name.
   *
   * @throws BerthException NOT_FOUND if there is none
   */
  public Link link(String name) {
    return findLink(name)
        .orElseThrow(() -> new BerthException(NOT_FOUND, "no network device " + name));
  }

  /** Finds a device by name, if there is one. */
  public Optional<Link> findLink(String name) {
    try {
      return socket.request(LinkMessages.get(name), "link " + name).stream()
          .map(RtNetlink::link)
          .findFirst();
    } catch (NativeException e) {
      if (e.is(Errno.ENODEV)) {
        return Optional.empty();
      }
      throw e;
    }
  }

  /** Finds a device by its number, which must be one of this namespace. */
  Link link(int linkIndex) {
    return socket.request(LinkMessages.get(linkIndex), "link " + linkIndex).stream()
        .map(RtNetlink::link)
        .findFirst()
        .orElseThrow(() -> new BerthException(NOT_FOUND, "no network device " + linkIndex));
  }

  /** Moves a device to another namespace, under a name and a number that are free there. */
  void move(int linkIndex, String name, Fd namespace, int newIndex) {
    socket.commit(
        List.of(
            new Step(
                LinkMessages.move(linkIndex, name, namespace, newIndex),
                "move link " + linkIndex + " as " + name)));
  }

  /** Lists those addresses of a device that outlive a move. */
  List<LastingAddress> lastingAddresses(int linkIndex) {
    return socket.request(AddressMessages.list(), "addresses").stream()
        .flatMap(reply -> AddressMessages.lasting(reply.body(), linkIndex).stream())
        .toList();
  }

  /** Sets a device up with addresses, in one go. */
  void bringUpWith(int linkIndex, List<LastingAddress> addresses) {
    List<Step> steps = new ArrayList<>();
    for (LastingAddress address : addresses) {
      steps.add(
          new Step(
              AddressMessages.add(address, linkIndex),
              "address of " + address.prefixLength() + " bits for link " + linkIndex));
    }
    steps.add(up(linkIndex));
    socket.commit(steps);
  }

  /** Lists the addresses of all devices. */
  public List<Address> addresses() {
    return socket.request(AddressMessages.list(), "addresses").stream()
        .map(RtNetlink::address)
        .toList();
  }

  /** Sets a device up; idempotent. */
  public void bringUp(int linkIndex) {
    socket.commit(List.of(up(linkIndex)));
  }

  private static Step up(int linkIndex) {
    return new Step(LinkMessages.bringUp(linkIndex), "link " + linkIndex + " up");
  }

  /**
   * Makes a bridge, which is up at once. Its hardware address is given, because a bridge that
   * chooses for itself changes it whenever a device joins or leaves.
   *
   * @throws NativeException EEXIST if the name is taken
   */
  public void addBridge(String name, String mac, int mtu) {
    socket.commit(List.of(new Step(LinkMessages.bridge(name, mac, mtu), "bridge " + name)));
  }

  /**
   * Makes a pair of devices, the near end up and in its bridge, the far one down.
   *
   * <p>The near end gets no IPv6 address of its own: the bridge speaks for the host. It also hands
   * back what came from it (hairpin mode): where the packet filter sees bridged packets, one that
   * is redirected to its sender goes that way.
   *
   * @throws NativeException EEXIST if one of the names is taken
   */
  public void addVethPair(VethPair pair) {
    socket.commit(
        List.of(
            new Step(LinkMessages.vethPair(pair), "veth " + pair.name),
            new Step(LinkMessages.bringUpInBridge(pair.name), "veth " + pair.name)));
  }

  /** Deletes a device, if it is there, and of a pair the other end with it. */
  public void deleteLink(int linkIndex) {
    try {
      socket.commit(List.of(new Step(LinkMessages.delete(linkIndex), "delete link " + linkIndex)));
    } catch (NativeException e) {
      if (!e.is(Errno.ENODEV)) {
        throw e;
      }
    }
  }

  /** Gives a device an address, usable at once: nobody is asked whether it is taken. Idempotent. */
  public void addAddress(Address address) {
    socket.commit(List.of(step(address)));
  }

  private static Step step(Address address) {
    return new Step(
        AddressMessages.add(address),
        "address " + address.address.getHostAddress() + "/" + address.prefixLength);
  }

  /**
   * Sets a device up with addresses and default routes, in one go. Idempotent.
   *
   * @param gateways reached by the device; the way to everywhere for their family
   */
  public void bringUp(int linkIndex, List<Address> addresses, List<InetAddress> gateways) {
    List<Step> steps = new ArrayList<>();
    addresses.forEach(address -> steps.add(step(address)));
    steps.add(up(linkIndex));
    for (InetAddress gateway : gateways) {
      steps.add(
          new Step(
              AddressMessages.defaultRoute(linkIndex, gateway),
              "default route by " + gateway.getHostAddress()));
    }
    socket.commit(steps);
  }

  /**
   * Bounds the rate at which a device sends, with a token bucket: tc-tbf(8). What is above waits.
   *
   * @param bytesPerSecond at least 1
   * @param burstBytes what may be sent at once
   */
  public void limitRate(int linkIndex, long bytesPerSecond, int burstBytes) {
    socket.commit(
        List.of(
            new Step(
                QueueMessages.tokenBucket(linkIndex, bytesPerSecond, burstBytes),
                "rate of link " + linkIndex)));
  }

  private static Link link(Reply reply) {
    ByteBuffer body = reply.body();
    int index = body.getInt(4);
    boolean up = (body.getInt(8) & IFF_UP) != 0;
    Map<Integer, byte[]> attributes = NetlinkAttributes.parse(body, LinkMessages.SIZE_OF_IFINFOMSG);
    byte[] name = attributes.getOrDefault(LinkMessages.IFLA_IFNAME, new byte[1]);
    byte[] mac = attributes.getOrDefault(LinkMessages.IFLA_ADDRESS, new byte[0]);
    return new Link(
        index,
        new String(name, 0, name.length - 1, StandardCharsets.UTF_8),
        up,
        HexFormat.ofDelimiter(MAC_DELIMITER).formatHex(mac),
        number(attributes, LinkMessages.IFLA_MTU),
        number(attributes, LinkMessages.IFLA_MASTER));
  }

  private static int number(Map<Integer, byte[]> attributes, int type) {
    byte[] bytes = attributes.getOrDefault(type, new byte[4]);
    return ByteBuffer.wrap(bytes).order(ByteOrder.nativeOrder()).getInt();
  }

  private static Address address(Reply reply) {
    ByteBuffer body = reply.body();
    Map<Integer, byte[]> attributes =
        NetlinkAttributes.parse(body, AddressMessages.SIZE_OF_IFADDRMSG);
    // On a point-to-point link IFA_ADDRESS is the peer's; elsewhere IPv6 has nothing else.
    byte[] bytes = attributes.get(AddressMessages.IFA_LOCAL);
    if (bytes == null) {
      bytes = attributes.getOrDefault(AddressMessages.IFA_ADDRESS, new byte[0]);
    }
    try {
      return new Address(body.getInt(4), InetAddress.getByAddress(bytes), body.get(1) & 0xFF);
    } catch (UnknownHostException e) {
      throw new BerthException(INTERNAL, "netlink: an address of " + bytes.length + " bytes", e);
    }
  }

  /** Closes the socket. Idempotent. */
  @Override
  public void close() {
    socket.close();
  }
}
