package dev.berth.runtime.plan;

import dev.berth.runtime.kernel.SyscallTable;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;

/**
 * Writes a plan in the form berth-init reads; plan.h is the other side of every number here.
 *
 * <p>Header, steps, relocations and data follow one another, each aligned to eight bytes.
 */
final class PlanEncoder {
  static final int MAGIC = 0x4e4c5042;
  static final int VERSION = 1;
  static final int HEADER_BYTES = 72;
  static final int STEP_BYTES = 80;
  static final int RELOCATION_BYTES = 8;
  static final int NO_REGISTER = 0xff;
  static final int CLONE_IS_INIT = 1;
  static final int EXEC_ASIDE = 1;
  static final int WAIT_EXITED = 1024;
  static final int WAIT_SIGNALED = 2048;
  static final int SKIP_RETRY = 0xffff;
  static final int ARG_VALUE = 0;
  static final int ARG_DATA = 1;
  static final int ARG_REGISTER = 2;

  private final SyscallTable table;

  PlanEncoder(SyscallTable table) {
    this.table = table;
  }

  byte[] encode(
      List<Step> steps,
      byte[] data,
      List<LaunchPlan.Relocation> relocations,
      int descriptorCount,
      EnumMap<Slot, Reg> slots,
      int adoptedPid) {
    int stepOffset = HEADER_BYTES;
    int relocationOffset = stepOffset + steps.size() * STEP_BYTES;
    int dataOffset = relocationOffset + relocations.size() * RELOCATION_BYTES;
    ByteBuffer out = ByteBuffer.allocate(dataOffset + data.length).order(ByteOrder.LITTLE_ENDIAN);
    out.putInt(MAGIC).putShort((short) VERSION).putShort((short) descriptorCount);
    out.putInt(out.capacity());
    out.putInt(stepOffset).putInt(steps.size());
    out.putInt(relocationOffset).putInt(relocations.size());
    out.putInt(dataOffset).putInt(data.length);
    byte[] slotRegisters = new byte[Slot.COUNT];
    Arrays.fill(slotRegisters, (byte) NO_REGISTER);
    slots.forEach((slot, register) -> slotRegisters[slot.index()] = (byte) register.number());
    out.put(slotRegisters);
    out.putInt(adoptedPid);
    boolean listens = steps.stream().anyMatch(step -> step.op() == Op.SHOW);
    out.putInt(PlanProgress.LISTENER_OFFSET, listens ? PlanProgress.LISTENER_EXPECTED : 0);
    out.position(stepOffset);
    for (int i = 0; i < steps.size(); i++) {
      put(out, steps.get(i), i);
    }
    for (LaunchPlan.Relocation relocation : relocations) {
      out.putInt(relocation.at()).putInt(relocation.target());
    }
    out.put(data);
    return out.array();
  }

  private void put(ByteBuffer out, Step step, int index) {
    Reg target = step.target();
    boolean skips = step.op() == Op.SKIP;
    out.put((byte) step.op().code());
    out.put((byte) step.flags());
    out.put((byte) (target == null ? NO_REGISTER : target.number()));
    out.put((byte) (skips ? 0 : step.outcomes().size()));
    out.putInt(number(step, index));
    putArguments(out, step, index);
    for (int i = 0; i < 4; i++) {
      if (!skips && i < step.outcomes().size()) {
        Outcome outcome = step.outcomes().get(i);
        out.putShort((short) (outcome.error() == null ? 0 : outcome.error().number()));
        out.putShort((short) skipCount(outcome, index));
      } else {
        out.putInt(0);
      }
    }
  }

  private int number(Step step, int index) {
    return switch (step.op()) {
      case CALL -> table.number(step.name());
      case SKIP -> skipCount(step.outcomes().getFirst(), index);
      default -> step.number();
    };
  }

  private static void putArguments(ByteBuffer out, Step step, int index) {
    byte[] kinds = new byte[8];
    long[] values = new long[6];
    for (int i = 0; i < step.args().size(); i++) {
      Arg arg = step.args().get(i);
      switch (arg) {
        case Arg.Value value -> {
          kinds[i] = ARG_VALUE;
          values[i] = value.value();
        }
        case Arg.Data place -> {
          kinds[i] = ARG_DATA;
          values[i] = place.offset();
        }
        case Reg register -> {
          kinds[i] = ARG_REGISTER;
          values[i] = register.number();
        }
      }
    }
    Label childEnd = step.childEnd();
    if (childEnd != null) {
      values[1] = childEnd.index() - index - 1L;
    }
    if (step.op() == Op.SEND_FD) { // takes the register's number, not its content
      kinds[0] = ARG_VALUE;
    }
    if (step.op() == Op.ASK || step.op() == Op.SEND_FD) { // the rest is for the printed plan
      values[1] = 0;
    }
    out.put(kinds);
    for (long value : values) {
      out.putLong(value);
    }
  }

  private static int skipCount(Outcome outcome, int index) {
    if (outcome.retry()) {
      return SKIP_RETRY;
    }
    Label to = outcome.to();
    if (to == null) {
      return 0;
    }
    int count = to.index() - index - 1;
    if (count < 0 || count >= SKIP_RETRY) {
      throw new IllegalStateException("step " + index + " goes to " + to.index());
    }
    return count;
  }
}
