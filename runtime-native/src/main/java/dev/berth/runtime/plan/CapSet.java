package dev.berth.runtime.plan;

import dev.berth.base.BerthException;
import dev.berth.runtime.spec.CapabilityNames;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;

/**
 * A set of capabilities as the kernel has it.
 *
 * @param bits one for each capability, at the place of its number
 */
record CapSet(long bits) {
  /** More than any kernel has: what is newer than this program is known by its number alone. */
  static final int LIMIT = 64;

  /**
   * Reads a list of names.
   *
   * @throws BerthException INVALID_ARGUMENT for a name that is none
   */
  static CapSet of(List<String> names) {
    long bits = 0;
    for (String name : names) {
      bits |= 1L << number(name);
    }
    return new CapSet(bits);
  }

  static int number(String name) {
    return CapabilityNames.number(name)
        .orElseThrow(() ->
            new BerthException(
                BerthException.Kind.INVALID_ARGUMENT,
                "process.capabilities: unknown capability \"" + name + "\""));
  }

  /** What the printed plan calls a capability. */
  static String name(int number) {
    List<String> names = CapabilityNames.all();
    return number < names.size() ? names.get(number) : "capability " + number;
  }

  boolean has(int number) {
    return (bits & 1L << number) != 0;
  }

  CapSet with(int number) {
    return new CapSet(bits | 1L << number);
  }

  /** The two struct __user_cap_data_struct that capset(2) takes: each has 32 bits of each set. */
  static byte[] data(CapSet effective, CapSet permitted, CapSet inheritable) {
    ByteBuffer data = ByteBuffer.allocate(24).order(ByteOrder.LITTLE_ENDIAN);
    for (int word = 0; word < 2; word++) {
      data.putInt((int) (effective.bits >>> (32 * word)));
      data.putInt((int) (permitted.bits >>> (32 * word)));
      data.putInt((int) (inheritable.bits >>> (32 * word)));
    }
    return data.array();
  }

  /** Hexadecimal, as /proc/PID/status shows it but for the leading zeros. */
  @Override
  public String toString() {
    return Long.toHexString(bits);
  }
}
