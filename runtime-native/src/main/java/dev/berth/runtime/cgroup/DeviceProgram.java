package dev.berth.runtime.cgroup;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * Writes a {@link DevicePolicy} as an eBPF program of type {@code BPF_PROG_TYPE_CGROUP_DEVICE}.
 *
 * <p>The kernel calls it with {@code struct bpf_cgroup_dev_ctx}: type and access in one word,
 * major, minor ({@code linux/bpf.h}). It looks at the exceptions one by one and returns 1 to allow.
 * Where access is denied by default an exception must grant all that is asked for; where it is
 * allowed, an exception denies if it forbids any of it. Those are the rules of cgroup v1.
 */
final class DeviceProgram {
  private static final int TYPE_BLOCK = 1;
  private static final int TYPE_CHAR = 2;

  // Opcodes of linux/bpf.h: class | operation | source
  private static final int LOAD_WORD = 0x61; // BPF_LDX | BPF_MEM | BPF_W
  private static final int MOVE = 0xb7; // BPF_ALU64 | BPF_MOV | BPF_K
  private static final int MOVE_REGISTER = 0xbf;
  private static final int AND = 0x57;
  private static final int SHIFT_RIGHT = 0x77;
  private static final int JUMP_IF_NOT = 0x56; // BPF_JMP32 | BPF_JNE | BPF_K: majors are unsigned
  private static final int JUMP_IF_NOT_REGISTER = 0x5d; // BPF_JMP | BPF_JNE | BPF_X
  private static final int JUMP_IF_ZERO = 0x15; // BPF_JMP | BPF_JEQ | BPF_K
  private static final int EXIT = 0x95;

  private static final int RESULT = 0;
  private static final int CONTEXT = 1;
  private static final int TYPE = 2;
  private static final int ACCESS = 3;
  private static final int MAJOR = 4;
  private static final int MINOR = 5;
  private static final int SCRATCH = 1; // the context is not needed once it is read

  private static final int INSTRUCTION_BYTES = 8;
  private static final int MOST_PER_EXCEPTION = 8;
  private static final int AROUND = 8;

  private final ByteBuffer code;

  private DeviceProgram(int exceptions) {
    this.code =
        ByteBuffer.allocate((AROUND + exceptions * MOST_PER_EXCEPTION) * INSTRUCTION_BYTES)
            .order(ByteOrder.LITTLE_ENDIAN);
  }

  /** Returns an array of {@code struct bpf_insn}. */
  static byte[] of(DevicePolicy policy) {
    DeviceProgram program = new DeviceProgram(policy.exceptions().size());
    program.readContext();
    policy.exceptions().forEach(e -> program.exception(e, policy.allowedByDefault()));
    program.returning(policy.allowedByDefault());
    return program.bytes();
  }

  private void readContext() {
    append(LOAD_WORD, TYPE, CONTEXT, 0, 0);
    append(MOVE_REGISTER, ACCESS, TYPE, 0, 0);
    append(AND, TYPE, 0, 0, 0xffff);
    append(SHIFT_RIGHT, ACCESS, 0, 0, 16);
    append(LOAD_WORD, MAJOR, CONTEXT, 4, 0);
    append(LOAD_WORD, MINOR, CONTEXT, 8, 0);
  }

  private void exception(DeviceAccess exception, boolean denies) {
    boolean anyAccess = exception.access() == DeviceAccess.ALL;
    boolean anyMajor = exception.major() == DeviceAccess.ANY;
    boolean anyMinor = exception.minor() == DeviceAccess.ANY;
    int left = 3 + (anyAccess ? 0 : 3) + (anyMajor ? 0 : 1) + (anyMinor ? 0 : 1);
    append(JUMP_IF_NOT, TYPE, 0, --left, exception.type() == 'b' ? TYPE_BLOCK : TYPE_CHAR);
    if (!anyMajor) {
      append(JUMP_IF_NOT, MAJOR, 0, --left, (int) exception.major());
    }
    if (!anyMinor) {
      append(JUMP_IF_NOT, MINOR, 0, --left, (int) exception.minor());
    }
    if (!anyAccess) {
      append(MOVE_REGISTER, SCRATCH, ACCESS, 0, 0);
      append(AND, SCRATCH, 0, 0, exception.access());
      left -= 3;
      if (denies) {
        append(JUMP_IF_ZERO, SCRATCH, 0, left, 0);
      } else {
        append(JUMP_IF_NOT_REGISTER, SCRATCH, ACCESS, left, 0);
      }
    }
    returning(!denies);
  }

  private void returning(boolean allowed) {
    append(MOVE, RESULT, 0, 0, allowed ? 1 : 0);
    append(EXIT, 0, 0, 0, 0);
  }

  private void append(int opcode, int destination, int source, int offset, int immediate) {
    code.put((byte) opcode)
        .put((byte) (destination | source << 4))
        .putShort((short) offset)
        .putInt(immediate);
  }

  private byte[] bytes() {
    byte[] out = new byte[code.position()];
    code.get(0, out);
    return out;
  }
}
