package dev.berth.sandbox;

import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;

import dev.berth.base.BerthException;
import java.util.Optional;

/**
 * The signals of CRI's enum, which numbers them in the order of the alphabet. The names in it
 * changed between versions of CRI, so only the numbers are relied upon.
 */
public final class CriSignals {
  static final int SIGKILL = 9;
  static final int SIGTERM = 15;

  /** The kernel's numbers on x86-64 and aarch64, see signal(7), in CRI's order from 1 on. */
  private static final int[] KERNEL_NUMBERS = {
    6,
    14,
    7,
    17,
    17,
    18,
    8,
    1,
    4,
    2,
    29,
    6,
    9,
    13,
    29,
    27,
    30, // ABRT to PWR, aliases too
    3,
    11,
    16,
    19,
    31,
    15,
    5,
    20,
    21,
    22,
    23,
    10,
    12,
    26,
    28,
    24,
    25, // QUIT to XFSZ
    34,
    35,
    36,
    37,
    38,
    39,
    40,
    41,
    42,
    43,
    44,
    45,
    46,
    47,
    48,
    49, // RTMIN to RTMIN+15
    50,
    51,
    52,
    53,
    54,
    55,
    56,
    57,
    58,
    59,
    60,
    61,
    62,
    63,
    64 // RTMAX-14 to RTMAX
  };

  private CriSignals() {}

  /**
   * Returns the kernel's number of a signal; empty for 0, the default.
   *
   * @throws BerthException INVALID_ARGUMENT if there is no such signal
   */
  static Optional<Integer> toKernel(int criNumber) {
    if (criNumber == 0) {
      return Optional.empty();
    }
    if (criNumber < 0 || criNumber > KERNEL_NUMBERS.length) {
      throw new BerthException(INVALID_ARGUMENT, "stop_signal " + criNumber + " is not known");
    }
    return Optional.of(KERNEL_NUMBERS[criNumber - 1]);
  }

  /** Returns CRI's number of a signal of the kernel; 0 if CRI has none for it. */
  public static int ofKernel(int signal) {
    for (int i = 0; i < KERNEL_NUMBERS.length; i++) {
      if (KERNEL_NUMBERS[i] == signal) {
        return i + 1;
      }
    }
    return 0;
  }
}
