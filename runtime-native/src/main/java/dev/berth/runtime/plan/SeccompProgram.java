package dev.berth.runtime.plan;

/**
 * A compiled seccomp filter.
 *
 * @param instructions an array of struct sock_filter
 * @param flags of seccomp(2)
 */
@SuppressWarnings("ArrayRecordComponent") // handed to the kernel as it is; never compared
public record SeccompProgram(byte[] instructions, long flags) {
  /** sizeof(struct sock_filter). */
  static final int INSTRUCTION_BYTES = 8;

  /** SECCOMP_FILTER_FLAG_NEW_LISTENER of linux/seccomp.h. */
  private static final long NEW_LISTENER = 1 << 3;

  /** Flags that have a meaning only with a listener: that one, and WAIT_KILLABLE_RECV. */
  private static final long OF_LISTENERS = NEW_LISTENER | 1 << 5;

  /** True if some calls wait for what an agent says. */
  boolean listens() {
    return (flags & NEW_LISTENER) != 0;
  }

  /** The flags of a process of which no agent is told: calls that it would decide on fail. */
  long flagsWithoutListener() {
    return flags & ~OF_LISTENERS;
  }
}
