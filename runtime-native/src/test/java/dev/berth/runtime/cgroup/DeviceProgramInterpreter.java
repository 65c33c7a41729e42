package dev.berth.runtime.cgroup;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** Runs the few eBPF instructions that device programs are made of, as the kernel does. */
final class DeviceProgramInterpreter {
  private final ByteBuffer code;

  DeviceProgramInterpreter(byte[] program) {
    this.code = ByteBuffer.wrap(program).order(ByteOrder.LITTLE_ENDIAN);
  }

  boolean allows(char type, int access, long major, long minor) {
    int[] context = {access << 16 | (type == 'b' ? 1 : 2), (int) major, (int) minor};
    long[] registers = new long[11];
    for (int pc = 0; pc * 8 < code.limit(); pc++) {
      int opcode = code.get(pc * 8) & 0xff;
      int destination = code.get(pc * 8 + 1) & 0xf;
      int source = code.get(pc * 8 + 1) >> 4 & 0xf;
      int offset = code.getShort(pc * 8 + 2);
      int immediate = code.getInt(pc * 8 + 4);
      switch (opcode) {
        case 0x61 -> registers[destination] = context[offset / 4] & 0xffffffffL;
        case 0xb7 -> registers[destination] = immediate;
        case 0xbf -> registers[destination] = registers[source];
        case 0x57 -> registers[destination] &= immediate;
        case 0x77 -> registers[destination] >>>= immediate;
        case 0x56 -> pc += (int) registers[destination] != immediate ? offset : 0;
        case 0x5d -> pc += registers[destination] != registers[source] ? offset : 0;
        case 0x15 -> pc += registers[destination] == immediate ? offset : 0;
        case 0x95 -> {
          return registers[0] != 0;
        }
        default -> throw new AssertionError("instruction " + Integer.toHexString(opcode));
      }
    }
    throw new AssertionError("ran off the end of the program");
  }
}
