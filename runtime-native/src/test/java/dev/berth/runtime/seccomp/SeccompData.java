package dev.berth.runtime.seccomp;

import java.util.List;

/**
 * What the kernel tells a filter about a call ({@code struct seccomp_data}).
 *
 * @param nr with the bit of x32, where it is one
 */
record SeccompData(int nr, int arch, List<Long> args) {
  static SeccompData of(Abi abi, int number, long... args) {
    Long[] six = new Long[6];
    for (int i = 0; i < six.length; i++) {
      six[i] = i < args.length ? args[i] : 0L;
    }
    return new SeccompData(number | abi.numberBias(), abi.auditArch(), List.of(six));
  }

  /** Returns the 32-bit word at a byte offset of the struct, as BPF_ABS loads it. */
  int word(int offset) {
    return switch (offset) {
      case 0 -> nr;
      case 4 -> arch;
      default -> {
        long argument = args.get((offset - 16) / 8);
        yield (int) (offset % 8 == 0 ? argument : argument >>> 32);
      }
    };
  }
}
