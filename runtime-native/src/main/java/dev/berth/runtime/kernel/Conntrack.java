package dev.berth.runtime.kernel;

import dev.berth.runtime.kernel.NetlinkSocket.Reply;
import dev.berth.runtime.kernel.NetlinkSocket.Step;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * What the kernel remembers of connections in a network namespace: nf_conntrack.
 *
 * <p>A connection keeps the way that the packet filter chose with its first packet. For UDP, whose
 * connections have no end, that way can lead to a pod that is gone. Not thread-safe.
 */
public final class Conntrack implements AutoCloseable {
  // linux/netlink.h, linux/netfilter/nfnetlink.h, nfnetlink_conntrack.h
  private static final int NLM_F_DUMP = 0x300;
  private static final int NFNL_SUBSYS_CTNETLINK = 1;
  private static final int IPCTNL_MSG_CT_GET = 1;
  private static final int IPCTNL_MSG_CT_DELETE = 2;
  private static final int CTA_TUPLE_ORIG = 1;
  private static final int CTA_TUPLE_PROTO = 2;
  private static final int CTA_PROTO_NUM = 1;
  private static final int CTA_PROTO_DST_PORT = 3;
  private static final int NLA_F_NESTED = 0x8000;
  private static final int IPPROTO_UDP = 17; // linux/in.h

  private final NetlinkSocket socket;

  private Conntrack(NetlinkSocket socket) {
    this.socket = socket;
  }

  /** Opens it in the network namespace of this thread. */
  public static Conntrack open() {
    return new Conntrack(NetlinkSocket.open(NetlinkSocket.Family.NETFILTER));
  }

  /** Lets the kernel forget all UDP connections to ports, so that the next packet chooses anew. */
  public void forgetUdp(Set<Integer> ports) {
    List<Reply> all = socket.request(message(IPCTNL_MSG_CT_GET, NLM_F_DUMP, 0), "connections");
    for (Reply connection : all) {
      Map<Integer, byte[]> attributes =
          NetlinkAttributes.parse(connection.body(), NfMessages.SIZE_OF_NFGENMSG);
      byte[] original = attributes.getOrDefault(CTA_TUPLE_ORIG, new byte[0]);
      if (isUdpTo(ports, original)) {
        forget(connection.body().get(0), original);
      }
    }
  }

  private static boolean isUdpTo(Set<Integer> ports, byte[] tuple) {
    byte[] protocol = parse(tuple).getOrDefault(CTA_TUPLE_PROTO, new byte[0]);
    Map<Integer, byte[]> fields = parse(protocol);
    byte[] number = fields.getOrDefault(CTA_PROTO_NUM, new byte[1]);
    byte[] port = fields.getOrDefault(CTA_PROTO_DST_PORT, new byte[2]);
    return number[0] == IPPROTO_UDP
        && ports.contains(ByteBuffer.wrap(port).getShort() & 0xFFFF); // in network order
  }

  private static Map<Integer, byte[]> parse(byte[] nested) {
    return NetlinkAttributes.parse(ByteBuffer.wrap(nested), 0);
  }

  private void forget(int family, byte[] tuple) {
    NetlinkMessage message =
        message(IPCTNL_MSG_CT_DELETE, NetlinkMessage.NLM_F_ACK, family)
            .attribute(CTA_TUPLE_ORIG | NLA_F_NESTED, tuple);
    try {
      socket.commit(List.of(new Step(message, "connection")));
    } catch (NativeException e) {
      if (!e.is(Errno.ENOENT)) { // ended by itself
        throw e;
      }
    }
  }

  private static NetlinkMessage message(int type, int flags, int family) {
    return NetlinkMessage.of(NFNL_SUBSYS_CTNETLINK << 8 | type, flags)
        .putByte(family)
        .putByte(0)
        .putShort(0);
  }

  /** Closes the socket. Idempotent. */
  @Override
  public void close() {
    socket.close();
  }
}
