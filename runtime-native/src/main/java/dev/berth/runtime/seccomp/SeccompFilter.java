package dev.berth.runtime.seccomp;

/**
 * A compiled filter, ready for {@code seccomp(SECCOMP_SET_MODE_FILTER, flags, program)}.
 *
 * <p>Immutable; thread-safe.
 */
public final class SeccompFilter {
  private static final int INSTRUCTION_BYTES = 8;

  private final byte[] program;
  private final int flags;

  SeccompFilter(byte[] program, int flags) {
    this.program = program;
    this.flags = flags;
  }

  /** Returns a copy of the array of {@code struct sock_filter}, 8 bytes each. */
  public byte[] program() {
    return program.clone();
  }

  /** Returns the number of instructions, {@code struct sock_fprog.len}. */
  public int instructions() {
    return program.length / INSTRUCTION_BYTES;
  }

  /** Returns the {@code SECCOMP_FILTER_FLAG_*} bits to load it with. */
  public int flags() {
    return flags;
  }

  @Override
  public String toString() {
    return "seccomp filter of " + instructions() + " instructions, flags " + flags;
  }
}
