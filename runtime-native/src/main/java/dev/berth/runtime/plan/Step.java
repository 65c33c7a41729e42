package dev.berth.runtime.plan;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One step of a plan while it is being built.
 *
 * <p>Mutable only through its fluent methods, which the compiler of the plan uses at once.
 */
final class Step {
  private final Op op;
  private final String name;
  private final List<Arg> args;
  private final String origin;
  private final int depth;
  private final List<Outcome> outcomes = new ArrayList<>();
  private @Nullable Reg target;
  private @Nullable Label childEnd;
  private int number;
  private int flags;
  private String subject = "";
  private boolean ofProgram;

  Step(Op op, String name, List<Arg> args, String origin, int depth) {
    this.op = op;
    this.name = name;
    this.args = List.copyOf(args);
    this.origin = origin;
    this.depth = depth;
  }

  /** Keeps the result in a register. */
  Step into(Reg register) {
    target = register;
    return this;
  }

  Step on(Outcome outcome) {
    if (outcomes.size() == 4) {
      throw new IllegalStateException("a step has at most four outcomes: " + this);
    }
    outcomes.add(outcome);
    return this;
  }

  Step number(int value) {
    number = value;
    return this;
  }

  Step clones(Label end) {
    childEnd = end;
    return this;
  }

  Step flags(int value) {
    flags = value;
    return this;
  }

  /** Says in a word what the step is about, for its failure. */
  Step about(String what) {
    subject = what;
    return this;
  }

  /** Says that it fails when a program cannot be executed. */
  Step aboutProgram(String program) {
    ofProgram = true;
    return about(program);
  }

  boolean isOfProgram() {
    return ofProgram;
  }

  Op op() {
    return op;
  }

  String name() {
    return name;
  }

  List<Arg> args() {
    return args;
  }

  String origin() {
    return origin;
  }

  /** What the step is about; empty if its arguments say it. */
  String subject() {
    return subject;
  }

  int depth() {
    return depth;
  }

  List<Outcome> outcomes() {
    return outcomes;
  }

  @Nullable Reg target() {
    return target;
  }

  @Nullable Label childEnd() {
    return childEnd;
  }

  int number() {
    return number;
  }

  int flags() {
    return flags;
  }

  @Override
  public String toString() {
    StringBuilder out = new StringBuilder(name).append('(');
    for (int i = 0; i < args.size(); i++) {
      out.append(i == 0 ? "" : ", ").append(args.get(i));
    }
    out.append(')');
    if (target != null) {
      out.append(" -> ").append(target);
    }
    for (Outcome outcome : outcomes) {
      out.append(" [").append(outcome).append(']');
    }
    return out.toString();
  }
}
