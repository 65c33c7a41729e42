package dev.berth.runtime.seccomp;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * Runs a filter as the kernel's classic BPF interpreter does, and refuses what its verifier
 * refuses.
 */
final class BpfInterpreter {
  private final ByteBuffer program;
  private final int instructions;

  BpfInterpreter(byte[] program) {
    this.program = ByteBuffer.wrap(program).order(ByteOrder.LITTLE_ENDIAN);
    this.instructions = program.length / 8;
  }

  /** What a filter answered, and in how many steps. */
  record Answer(int value, int steps) {}

  Answer run(SeccompData data) {
    int accumulator = 0;
    int pc = 0;
    for (int steps = 1; pc < instructions; steps++) {
      int code = program.getShort(pc * 8) & 0xffff;
      int ifTrue = program.get(pc * 8 + 2) & 0xff;
      int ifFalse = program.get(pc * 8 + 3) & 0xff;
      int k = program.getInt(pc * 8 + 4);
      pc++;
      switch (code) {
        case 0x20 -> accumulator = data.word(k);
        case 0x54 -> accumulator &= k;
        case 0x05 -> pc += k;
        case 0x15 -> pc += accumulator == k ? ifTrue : ifFalse;
        case 0x25 -> pc += Integer.compareUnsigned(accumulator, k) > 0 ? ifTrue : ifFalse;
        case 0x35 -> pc += Integer.compareUnsigned(accumulator, k) >= 0 ? ifTrue : ifFalse;
        case 0x06 -> {
          return new Answer(k, steps);
        }
        default -> throw new AssertionError("instruction " + Integer.toHexString(code));
      }
    }
    throw new AssertionError("ran off the end of the program");
  }
}
