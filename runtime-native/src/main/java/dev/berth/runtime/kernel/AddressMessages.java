package dev.berth.runtime.kernel;

import java.net.Inet4Address;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** The requests about addresses and routes: RTM_*ADDR and RTM_*ROUTE of rtnetlink(7). */
final class AddressMessages {
  // linux/netlink.h, linux/rtnetlink.h
  private static final int NLM_F_DUMP = 0x300;
  private static final int NLM_F_REPLACE = 0x100;
  private static final int NLM_F_CREATE = 0x400;
  private static final int RTM_NEWADDR = 20;
  private static final int RTM_GETADDR = 22;
  private static final int RTM_NEWROUTE = 24;
  private static final int RT_TABLE_MAIN = 254;
  private static final int RTPROT_BOOT = 3;
  private static final int RT_SCOPE_UNIVERSE = 0;
  private static final int RTN_UNICAST = 1;
  private static final int RTA_OIF = 4;
  private static final int RTA_GATEWAY = 5;
  // linux/if_addr.h, sys/socket.h
  static final int SIZE_OF_IFADDRMSG = 8;
  static final int IFA_ADDRESS = 1;
  static final int IFA_LOCAL = 2;
  private static final int IFA_BROADCAST = 4;
  private static final int IFA_FLAGS = 8;
  private static final int IFA_F_NODAD = 2;
  private static final int IFA_F_PERMANENT = 0x80;
  private static final int AF_INET = 2;
  private static final int AF_INET6 = 10;

  private AddressMessages() {}

  static NetlinkMessage list() {
    return NetlinkMessage.of(RTM_GETADDR, NLM_F_DUMP).putInt(0).putInt(0);
  }

  static NetlinkMessage add(RtNetlink.Address address) {
    byte[] bytes = address.address().getAddress();
    return request(RTM_NEWADDR)
        .putByte(family(address.address()))
        .putByte(address.prefixLength())
        .putByte(IFA_F_NODAD)
        .putByte(RT_SCOPE_UNIVERSE)
        .putInt(address.linkIndex())
        .attribute(IFA_LOCAL, bytes)
        .attribute(IFA_ADDRESS, bytes);
  }

  static NetlinkMessage add(LastingAddress address, int linkIndex) {
    NetlinkMessage message =
        request(RTM_NEWADDR)
            .putByte(address.family())
            .putByte(address.prefixLength())
            .putByte(IFA_F_NODAD) // nobody else has taken it in the moment of the move
            .putByte(RT_SCOPE_UNIVERSE)
            .putInt(linkIndex);
    address.attributes().forEach(message::attribute);
    return message;
  }

  /** What an RTM_NEWADDR tells of an address of a device; empty if it passes or is for a link. */
  static Optional<LastingAddress> lasting(ByteBuffer body, int linkIndex) {
    Map<Integer, byte[]> attributes = NetlinkAttributes.parse(body, SIZE_OF_IFADDRMSG);
    byte[] flags = attributes.get(IFA_FLAGS);
    int bits = flags == null ? body.get(2) : ByteBuffer.wrap(flags).order(body.order()).getInt();
    boolean lasting = (bits & IFA_F_PERMANENT) != 0 && body.get(3) == RT_SCOPE_UNIVERSE;
    if (!lasting || body.getInt(4) != linkIndex) {
      return Optional.empty();
    }
    attributes.keySet().retainAll(Set.of(IFA_ADDRESS, IFA_LOCAL, IFA_BROADCAST));
    return Optional.of(new LastingAddress(body.get(0), body.get(1) & 0xFF, attributes));
  }

  static NetlinkMessage defaultRoute(int linkIndex, InetAddress gateway) {
    return request(RTM_NEWROUTE)
        .putByte(family(gateway))
        .putByte(0) // length of the destination: everywhere
        .putByte(0) // of the source
        .putByte(0) // type of service
        .putByte(RT_TABLE_MAIN)
        .putByte(RTPROT_BOOT)
        .putByte(RT_SCOPE_UNIVERSE)
        .putByte(RTN_UNICAST)
        .putInt(0)
        .attribute(RTA_OIF, linkIndex)
        .attribute(RTA_GATEWAY, gateway.getAddress());
  }

  private static NetlinkMessage request(int type) {
    return NetlinkMessage.of(type, NetlinkMessage.NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE);
  }

  private static int family(InetAddress address) {
    return address instanceof Inet4Address ? AF_INET : AF_INET6;
  }
}
