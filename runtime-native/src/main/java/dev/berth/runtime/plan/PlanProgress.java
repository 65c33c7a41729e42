package dev.berth.runtime.plan;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.OptionalInt;

/**
 * How far the processes of a plan have come, as they write it into its memory; the fields from
 * {@code phase} on in struct plan of plan.h.
 *
 * @param executing the program was about to be executed
 * @param failed index of the first step that failed; empty if none did
 * @param errno why it failed
 */
public record PlanProgress(boolean executing, OptionalInt failed, int errno) {
  /** Where it stands in the memory. */
  public static final int OFFSET = 56;

  /** How much there is to read. */
  public static final int BYTES = 12;

  /** Where a word stands that says where the process's seccomp listener is. */
  public static final int LISTENER_OFFSET = 68;

  /** It will be made; later the word is one more than its number in the process. */
  public static final int LISTENER_EXPECTED = -2;

  /** Somebody has it: the process, which waits for that, goes on. */
  public static final int LISTENER_TAKEN = -1;

  static final int EXECUTING = 2;

  /** Reads what was found at {@link #OFFSET}. */
  public static PlanProgress decode(byte[] bytes) {
    ByteBuffer in = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    boolean executing = in.getInt() == EXECUTING;
    int failedStep = in.getInt();
    OptionalInt failed = failedStep > 0 ? OptionalInt.of(failedStep - 1) : OptionalInt.empty();
    return new PlanProgress(executing, failed, in.getInt());
  }
}
