package dev.berth.runtime.seccomp;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Writes classic BPF ({@code linux/bpf_common.h}) back to front.
 *
 * <p>Jumps of classic BPF go forward only, so an instruction is written when everything it can jump
 * to is there already. A place is counted from the end of the program and therefore never moves. A
 * conditional jump reaches 255 instructions; where its target is further away, a copy of the target
 * (if that is a return) or an unconditional jump is put in between.
 *
 * <p>Not thread-safe; used for one program.
 */
final class FilterWriter {
  /** {@code BPF_MAXINSNS} of {@code linux/bpf_common.h}. */
  static final int MAX_INSTRUCTIONS = 4096;

  private static final int LOAD_WORD = 0x20; // BPF_LD | BPF_W | BPF_ABS
  private static final int AND = 0x54; // BPF_ALU | BPF_AND | BPF_K
  private static final int JUMP = 0x05; // BPF_JMP | BPF_JA
  private static final int JUMP_EQUAL = 0x15; // BPF_JMP | BPF_JEQ | BPF_K
  private static final int JUMP_GREATER = 0x25; // BPF_JMP | BPF_JGT | BPF_K
  private static final int JUMP_GREATER_OR_EQUAL = 0x35; // BPF_JMP | BPF_JGE | BPF_K
  private static final int RETURN = 0x06; // BPF_RET | BPF_K
  private static final int REACH = 255;
  private static final int INSTRUCTION_BYTES = 8; // struct sock_filter

  // struct seccomp_data of linux/seccomp.h: int nr; __u32 arch; __u64 ip; __u64 args[6]
  private static final int NR = 0;
  private static final int ARCH = 4;
  private static final int ARGS = 16;

  private record Instruction(int code, int ifTrue, int ifFalse, int operand) {}

  /** From the last instruction of the program to its first. */
  private final List<Instruction> reversed = new ArrayList<>();

  /** The latest return of each value. */
  private final Map<Integer, Integer> returns = new HashMap<>();

  private FilterWriter() {}

  /**
   * Writes the filter of a policy.
   *
   * @return an array of {@code struct sock_filter} in the machine's byte order
   */
  static byte[] write(Policy policy) {
    FilterWriter writer = new FilterWriter();
    writer.policy(policy);
    return writer.bytes();
  }

  private void policy(Policy policy) {
    // The order of ABIs is that of the tests; the last one written is the first to be tested.
    List<List<Policy.Section>> machines = byAuditArch(policy.sections()).reversed();
    List<Integer> searches = new ArrayList<>();
    for (List<Policy.Section> sections : machines) {
      searches.add(numberSearch(CallRanges.of(sections, policy.defaultAction())));
    }
    int next = returning(Action.KILL_PROCESS);
    for (int i = 0; i < machines.size(); i++) {
      next =
          branch(JUMP_EQUAL, machines.get(i).getFirst().abi().auditArch(), searches.get(i), next);
    }
    load(ARCH);
  }

  private static List<List<Policy.Section>> byAuditArch(List<Policy.Section> sections) {
    List<List<Policy.Section>> groups = new ArrayList<>();
    for (Policy.Section section : sections) {
      groups.stream()
          .filter(group -> group.getFirst().abi().auditArch() == section.abi().auditArch())
          .findFirst()
          .ifPresentOrElse(
              group -> group.add(section), () -> groups.add(new ArrayList<>(List.of(section))));
    }
    return groups;
  }

  private int numberSearch(List<CallRanges.Range> ranges) {
    if (ranges.size() == 1) {
      return verdict(ranges.getFirst().verdict());
    }
    search(ranges); // ends with the first branch, which the load runs on into
    return load(NR);
  }

  /** Halves the ranges until one is left. The number is in the accumulator. */
  private int search(List<CallRanges.Range> ranges) {
    if (ranges.size() == 1) {
      return verdict(ranges.getFirst().verdict());
    }
    int middle = ranges.size() / 2;
    int upper = search(ranges.subList(middle, ranges.size()));
    int lower = search(ranges.subList(0, middle));
    return branch(JUMP_GREATER_OR_EQUAL, ranges.get(middle).start(), upper, lower);
  }

  private int verdict(Verdict verdict) {
    int next = returning(verdict.otherwise());
    for (Verdict.Rule rule : verdict.rules().reversed()) {
      int target = returning(rule.action());
      for (Condition condition : rule.conditions().reversed()) {
        target = compare(condition, target, next);
      }
      next = target;
    }
    return next;
  }

  private int compare(Condition condition, int holds, int fails) {
    return switch (condition.comparison()) {
      case EQUAL -> equal(condition, holds, fails);
      case NOT_EQUAL -> equal(condition, fails, holds);
      case GREATER -> order(condition, JUMP_GREATER, holds, fails);
      case GREATER_OR_EQUAL -> order(condition, JUMP_GREATER_OR_EQUAL, holds, fails);
      case LESS -> order(condition, JUMP_GREATER_OR_EQUAL, fails, holds);
      case LESS_OR_EQUAL -> order(condition, JUMP_GREATER, fails, holds);
    };
  }

  /** Compares the two words of the argument one after the other, leaving out what is masked out. */
  private int equal(Condition condition, int same, int different) {
    int low = equalWord(lowWord(condition), condition.mask(), condition.value(), same, different);
    return equalWord(
        highWord(condition), condition.mask() >>> 32, condition.value() >>> 32, low, different);
  }

  private int equalWord(int word, long mask, long value, int same, int different) {
    if ((int) mask == 0) {
      return (int) value == 0 ? same : different;
    }
    branch(JUMP_EQUAL, (int) value, same, different);
    if ((int) mask != -1) {
      append(AND, 0, 0, (int) mask);
    }
    return load(word);
  }

  /** The upper words decide unless they are equal; then the lower ones do. */
  private int order(Condition condition, int lowJump, int holds, int fails) {
    branch(lowJump, (int) condition.value(), holds, fails);
    int low = load(lowWord(condition));
    int high = (int) (condition.value() >>> 32);
    int notGreater = branch(JUMP_EQUAL, high, low, fails);
    branch(JUMP_GREATER, high, holds, notGreater);
    return load(highWord(condition));
  }

  private static int lowWord(Condition condition) {
    return ARGS + condition.argument() * Long.BYTES;
  }

  private static int highWord(Condition condition) {
    return lowWord(condition) + Integer.BYTES;
  }

  private int returning(Action action) {
    Integer existing = returns.get(action.value());
    return existing != null && reaches(existing) ? existing : append(RETURN, 0, 0, action.value());
  }

  private int load(int offset) {
    return append(LOAD_WORD, 0, 0, offset);
  }

  private int branch(int code, int operand, int ifTrue, int ifFalse) {
    int nearTrue = near(ifTrue);
    int nearFalse = near(ifFalse);
    return append(code, distance(nearTrue), distance(nearFalse), operand);
  }

  /** Returns a place within reach that does what {@code target} does. */
  private int near(int target) {
    if (reaches(target)) {
      return target;
    }
    Instruction instruction = reversed.get(target);
    return instruction.code() == RETURN
        ? append(RETURN, 0, 0, instruction.operand())
        : append(JUMP, 0, 0, distance(target));
  }

  /** Whether a branch can jump there, even after one instruction was put in between. */
  private boolean reaches(int target) {
    return distance(target) < REACH;
  }

  /** Returns how many instructions lie between the next one written and {@code target}. */
  private int distance(int target) {
    return reversed.size() - 1 - target;
  }

  private int append(int code, int ifTrue, int ifFalse, int operand) {
    reversed.add(new Instruction(code, ifTrue, ifFalse, operand));
    int place = reversed.size() - 1;
    if (code == RETURN) {
      returns.put(operand, place);
    }
    return place;
  }

  private byte[] bytes() {
    ByteBuffer out =
        ByteBuffer.allocate(reversed.size() * INSTRUCTION_BYTES).order(ByteOrder.LITTLE_ENDIAN);
    for (Instruction instruction : reversed.reversed()) {
      out.putShort((short) instruction.code())
          .put((byte) instruction.ifTrue())
          .put((byte) instruction.ifFalse())
          .putInt(instruction.operand());
    }
    return out.array();
  }
}
