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
}
