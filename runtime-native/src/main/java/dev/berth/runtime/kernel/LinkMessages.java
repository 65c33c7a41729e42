package dev.berth.runtime.kernel;

import java.util.HexFormat;

/** The requests about network devices: RTM_*LINK of rtnetlink(7). */
final class LinkMessages {
  // linux/netlink.h, linux/rtnetlink.h
  private static final int NLM_F_DUMP = 0x300;
  private static final int NLM_F_EXCL = 0x200;
  private static final int NLM_F_CREATE = 0x400;
  private static final int RTM_NEWLINK = 16;
  private static final int RTM_DELLINK = 17;
  private static final int RTM_GETLINK = 18;
  static final int SIZE_OF_IFINFOMSG = 16;
  // linux/if_link.h, linux/veth.h, linux/if.h, sys/socket.h
  static final int IFLA_ADDRESS = 1;
  static final int IFLA_IFNAME = 3;
  static final int IFLA_MTU = 4;
  static final int IFLA_MASTER = 10;
  private static final int IFLA_LINKINFO = 18;
  private static final int IFLA_AF_SPEC = 26;
  private static final int IFLA_NET_NS_FD = 28;
  private static final int IFLA_NEW_IFINDEX = 49; // taken since Linux 5.13
  private static final int IFLA_INFO_KIND = 1;
  private static final int IFLA_INFO_DATA = 2;
  private static final int IFLA_INFO_SLAVE_KIND = 4;
  private static final int IFLA_INFO_SLAVE_DATA = 5;
  private static final int IFLA_BRPORT_MODE = 4;
  private static final int VETH_INFO_PEER = 1;
  private static final int IFLA_INET6_ADDR_GEN_MODE = 8;
  private static final int IN6_ADDR_GEN_MODE_NONE = 1;
  private static final int IFF_UP = 1;
  private static final int AF_INET6 = 10;

  private LinkMessages() {}

  static NetlinkMessage list() {
    return header(NetlinkMessage.of(RTM_GETLINK, NLM_F_DUMP), 0, 0);
  }

  static NetlinkMessage get(String name) {
    return header(request(RTM_GETLINK, 0), 0, 0).text(IFLA_IFNAME, name);
  }

  static NetlinkMessage bringUp(int linkIndex) {
    return header(request(RTM_NEWLINK, 0), linkIndex, IFF_UP);
  }

  /** Renames the device in the namespace where it then has the number {@code newIndex}. */
  static NetlinkMessage move(int linkIndex, String name, Fd namespace, int newIndex) {
    return header(request(RTM_NEWLINK, 0), linkIndex, 0)
        .text(IFLA_IFNAME, name)
        .attribute(IFLA_NET_NS_FD, namespace.number())
        .attribute(IFLA_NEW_IFINDEX, newIndex);
  }

  static NetlinkMessage get(int linkIndex) {
    return header(request(RTM_GETLINK, 0), linkIndex, 0);
  }

  static NetlinkMessage delete(int linkIndex) {
    return header(request(RTM_DELLINK, 0), linkIndex, 0);
  }

  static NetlinkMessage bridge(String name, String mac, int mtu) {
    return header(request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL), 0, IFF_UP)
        .text(IFLA_IFNAME, name)
        .attribute(IFLA_ADDRESS, mac(mac))
        .attribute(IFLA_MTU, mtu)
        .nested(IFLA_LINKINFO, info -> info.text(IFLA_INFO_KIND, "bridge"));
  }

  static NetlinkMessage vethPair(RtNetlink.VethPair pair) {
    return header(request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL), 0, 0)
        .text(IFLA_IFNAME, pair.name())
        .attribute(IFLA_MTU, pair.mtu())
        .attribute(IFLA_MASTER, pair.bridgeIndex())
        .nested(
            IFLA_LINKINFO,
            info ->
                info.text(IFLA_INFO_KIND, "veth")
                    .nested(
                        IFLA_INFO_DATA,
                        data -> data.nested(VETH_INFO_PEER, peer -> peerOf(peer, pair))));
  }

  private static void peerOf(NetlinkMessage peer, RtNetlink.VethPair pair) {
    header(peer, 0, 0)
        .text(IFLA_IFNAME, pair.peerName())
        .attribute(IFLA_ADDRESS, mac(pair.peerMac()))
        .attribute(IFLA_MTU, pair.mtu())
        .attribute(IFLA_NET_NS_FD, pair.peerNamespace().number());
  }

  /** Sets a device of a bridge up, with hairpin mode and without an IPv6 address of its own. */
  static NetlinkMessage bringUpInBridge(String name) {
    return header(request(RTM_NEWLINK, 0), 0, IFF_UP)
        .text(IFLA_IFNAME, name)
        .nested(IFLA_AF_SPEC, families -> families.nested(AF_INET6, LinkMessages::noAddress))
        .nested(
            IFLA_LINKINFO,
            info ->
                info.text(IFLA_INFO_SLAVE_KIND, "bridge")
                    .nested(
                        IFLA_INFO_SLAVE_DATA,
                        port -> port.attribute(IFLA_BRPORT_MODE, new byte[] {1})));
  }

  private static void noAddress(NetlinkMessage inet6) {
    inet6.attribute(IFLA_INET6_ADDR_GEN_MODE, new byte[] {IN6_ADDR_GEN_MODE_NONE});
  }

  private static NetlinkMessage request(int type, int flags) {
    return NetlinkMessage.of(type, NetlinkMessage.NLM_F_ACK | flags);
  }

  /** struct ifinfomsg: the flags are those to set. */
  private static NetlinkMessage header(NetlinkMessage message, int linkIndex, int flags) {
    return message.putInt(0).putInt(linkIndex).putInt(flags).putInt(flags);
  }

  private static byte[] mac(String text) {
    return HexFormat.ofDelimiter(RtNetlink.MAC_DELIMITER).parseHex(text);
  }
}
