package dev.berth.runtime.kernel;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.HashMap;
import java.util.Map;

/** The attributes behind the fixed part of a netlink message: struct nlattr of linux/netlink.h. */
final class NetlinkAttributes {
  private static final int SIZE_OF_NLATTR = 4;
  private static final int NLA_TYPE_MASK = 0x3FFF;

  private NetlinkAttributes() {}

  /** Reads the values by type; of a repeated type the last one. */
  static Map<Integer, byte[]> parse(ByteBuffer message, int from) {
    Map<Integer, byte[]> values = new HashMap<>();
    ByteBuffer rest = message.duplicate().order(ByteOrder.nativeOrder()).position(from);
    while (rest.remaining() >= SIZE_OF_NLATTR) {
      int start = rest.position();
      int length = rest.getShort(start) & 0xFFFF;
      if (length < SIZE_OF_NLATTR || length > rest.remaining()) {
        break; // padding
      }
      byte[] value = new byte[length - SIZE_OF_NLATTR];
      rest.get(start + SIZE_OF_NLATTR, value);
      values.put(rest.getShort(start + 2) & NLA_TYPE_MASK, value);
      rest.position(Math.min(rest.limit(), start + align(length)));
    }
    return values;
  }

  static int align(int length) {
    return (length + 3) & ~3;
  }
}
