package dev.berth.runtime.plan;

import dev.berth.base.BerthException;
import dev.berth.runtime.kernel.Errno;
import dev.berth.runtime.kernel.SyscallTable;
import java.time.Duration;
import java.util.EnumMap;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * A compiled plan: what berth-init will do, step by step. Immutable.
 *
 * <p>Descriptors are named, not numbered: whoever launches the plan opens each of {@link
 * #descriptors()} and passes them in that order.
 */
public final class LaunchPlan {
  /** Eight bytes of data at {@code at} become the address of data at {@code target}. */
  record Relocation(int at, int target) {}

  private final List<Step> steps;
  private final byte[] data;
  private final List<Relocation> relocations;
  private final List<String> descriptors;
  private final EnumMap<Slot, Reg> slots;
  private final Duration patience;

  LaunchPlan(
      List<Step> steps,
      byte[] data,
      List<Relocation> relocations,
      List<String> descriptors,
      EnumMap<Slot, Reg> slots,
      Duration patience) {
    this.steps = steps;
    this.data = data;
    this.relocations = relocations;
    this.descriptors = descriptors;
    this.slots = slots;
    this.patience = patience;
  }

  /** The names of the descriptors that must come with the plan, in order. */
  public List<String> descriptors() {
    return descriptors;
  }

  /**
   * Returns the plan as berth-init reads it.
   *
   * @param table the numbers of the machine that will run it
   * @param adoptedPid the pid behind {@link Slot#INIT}; 0 when the plan clones its process
   */
  public byte[] encode(SyscallTable table, int adoptedPid) {
    return new PlanEncoder(table)
        .encode(steps, data, relocations, descriptors.size(), slots, adoptedPid);
  }

  /**
   * How long the processes that the plan waits for may take together; zero where there are none.
   */
  public Duration patience() {
    return patience;
  }

  /** Explains a failed step: the field it came from, the call, and the errno. */
  public BerthException failure(int stepIndex, int errno) {
    if (stepIndex < 0 || stepIndex >= steps.size()) {
      return new BerthException(
          BerthException.Kind.INTERNAL, "berth-init failed: " + Errno.describe(errno));
    }
    return StepFailure.of(steps.get(stepIndex)).explain(errno);
  }

  /** What can fail after the process was told to start, by the index of the step. */
  public SortedMap<Integer, StepFailure> failuresOfStart() {
    var failures = new TreeMap<Integer, StepFailure>();
    for (int i = steps.size() - 1; i >= 0 && steps.get(i).op() != Op.ASK; i--) {
      failures.put(i, StepFailure.of(steps.get(i)));
    }
    return failures;
  }

  /** Prints the plan like a trace, one step a line, with the field each comes from. */
  public String print() {
    StringBuilder out = new StringBuilder();
    String origin = "";
    for (int i = 0; i < steps.size(); i++) {
      Step step = steps.get(i);
      if (!step.origin().equals(origin)) {
        origin = step.origin();
        out.append("# ").append(origin).append('\n');
      }
      out.append(String.format("%4d  %s%s%n", i, "  ".repeat(step.depth()), step));
    }
    return out.toString();
  }

  @Override
  public String toString() {
    return "launch plan of " + steps.size() + " steps";
  }
}
