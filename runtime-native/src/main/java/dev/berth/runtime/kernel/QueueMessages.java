package dev.berth.runtime.kernel;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** The requests about queueing disciplines: RTM_*QDISC of rtnetlink(7). */
final class QueueMessages {
  // linux/netlink.h, linux/rtnetlink.h
  private static final int NLM_F_REPLACE = 0x100;
  private static final int NLM_F_CREATE = 0x400;
  private static final int RTM_NEWQDISC = 36;
  private static final int TCA_KIND = 1;
  private static final int TCA_OPTIONS = 2;
  // linux/pkt_sched.h
  private static final long TC_H_ROOT = 0xFFFFFFFFL;
  private static final int TCA_TBF_PARMS = 1;
  private static final int TCA_TBF_RATE64 = 4;
  private static final int TCA_TBF_BURST = 6;
  private static final int TC_LINKLAYER_ETHERNET = 1;
  private static final int SIZE_OF_TC_TBF_QOPT = 36;

  private QueueMessages() {}

  static NetlinkMessage tokenBucket(int linkIndex, long bytesPerSecond, int burstBytes) {
    return NetlinkMessage.of(RTM_NEWQDISC, NetlinkMessage.NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE)
        .putInt(0) // struct tcmsg: the family
        .putInt(linkIndex)
        .putInt(0)
        .putInt((int) TC_H_ROOT)
        .putInt(0)
        .text(TCA_KIND, "tbf")
        .nested(
            TCA_OPTIONS,
            options ->
                options
                    .attribute(TCA_TBF_PARMS, parameters(bytesPerSecond, burstBytes))
                    .attribute(
                        TCA_TBF_RATE64,
                        ByteBuffer.allocate(8)
                            .order(ByteOrder.nativeOrder())
                            .putLong(bytesPerSecond)
                            .array())
                    .attribute(TCA_TBF_BURST, burstBytes));
  }

  /** struct tc_tbf_qopt; as much may wait as may burst. */
  private static byte[] parameters(long bytesPerSecond, int burstBytes) {
    return ByteBuffer.allocate(SIZE_OF_TC_TBF_QOPT)
        .order(ByteOrder.nativeOrder())
        .put(1, (byte) TC_LINKLAYER_ETHERNET) // rate.linklayer
        .putInt(8, (int) Math.min(bytesPerSecond, Integer.MAX_VALUE)) // rate.rate
        .putInt(24, burstBytes) // limit
        .array();
  }
}
