package dev.berth.runtime.seccomp;

import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * The numbers of one {@code AUDIT_ARCH_*} value, cut into ranges of equal verdict.
 *
 * <p>Neighbouring ranges differ, the first begins at 0 and the last goes on to the highest unsigned
 * 32-bit number. x86-64 and x32 share their value and so their ranges: x32 owns the upper part, and
 * where a profile does not list it the process that makes such a call is killed.
 */
final class CallRanges {
  /** A range from {@code start}, unsigned, to the start of the next one. */
  record Range(int start, Verdict verdict) {}

  private final List<Range> ranges = new ArrayList<>();

  private CallRanges() {}

  /**
   * Cuts the numbers of ABIs with the same {@link Abi#auditArch()}, given in ascending order of
   * their {@link Abi#numberBias()}.
   */
  static List<Range> of(List<Policy.Section> sections, Action defaultAction) {
    CallRanges cut = new CallRanges();
    sections.forEach(section -> cut.add(section, defaultAction));
    Policy.Section last = sections.getLast();
    if (last.abi() == Abi.X86_64) {
      cut.from(Abi.X32.numberBias(), Verdict.always(Action.KILL_PROCESS));
    }
    return List.copyOf(cut.ranges);
  }

  private void add(Policy.Section section, Action defaultAction) {
    Verdict unmentioned = Verdict.always(defaultAction);
    Verdict beyond = Verdict.always(section.beyond());
    from(section.abi().numberBias(), unmentioned);
    SortedMap<Integer, Verdict> verdicts = new TreeMap<>(section.verdicts());
    if (section.highest() >= 0) {
      verdicts.putIfAbsent(section.highest(), unmentioned);
    }
    verdicts.forEach((number, verdict) -> {
      from(number, verdict);
      from(number + 1, number < section.highest() ? unmentioned : beyond);
    });
  }

  /** Begins a range, unless the verdict stays the same; replaces one that was just begun. */
  private void from(int start, Verdict verdict) {
    if (!ranges.isEmpty() && ranges.getLast().start() == start) {
      ranges.removeLast();
    }
    if (ranges.isEmpty() || !ranges.getLast().verdict().equals(verdict)) {
      ranges.add(new Range(start, verdict));
    }
  }
}
