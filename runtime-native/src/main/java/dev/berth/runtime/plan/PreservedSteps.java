package dev.berth.runtime.plan;

import java.util.ArrayList;
import java.util.List;

/**
 * Gives a program descriptors of its caller: the numbers from 3 on, without a gap.
 *
 * <p>They come with the plan as its last descriptors. So the one at place i arrived under a number
 * above 3 + i, and above all to which those before it are copied: none is overwritten before its
 * turn. The socket to the stub was made later still, and the end of the gate's connection, whose
 * closing says that the exec has happened, is kept above them all.
 */
final class PreservedSteps {
  private static final long FIRST = 3;

  private final PlanBuilder plan;
  private final List<Reg> passed = new ArrayList<>();

  private PreservedSteps(PlanBuilder plan) {
    this.plan = plan;
  }

  /** Declares the descriptors; call after all others were declared. */
  static PreservedSteps declare(PlanBuilder plan, LaunchOptions options) {
    var steps = new PreservedSteps(plan);
    for (int i = 0; i < options.preservedFds(); i++) {
      steps.passed.add(plan.descriptor(LaunchOptions.preserved(i)));
    }
    return steps;
  }

  /** The first number that none of them will have. */
  long firstFree() {
    return FIRST + passed.size();
  }

  /** Puts them in place; after everything that uses a register. */
  void install() {
    for (int i = 0; i < passed.size(); i++) {
      plan.from("preserved descriptors");
      plan.call("dup3", passed.get(i), Arg.of(FIRST + i), Arg.of(0));
    }
  }
}
