package dev.berth.runtime.plan;

/**
 * A register of the stub: holds a result, mostly a descriptor, while a plan runs.
 *
 * @param name for the printed plan
 */
record Reg(int number, String name) implements Arg {
  /** Registers berth-init has; REGISTERS in plan.h. */
  static final int COUNT = 96;

  @Override
  public String toString() {
    return "$" + name;
  }
}
