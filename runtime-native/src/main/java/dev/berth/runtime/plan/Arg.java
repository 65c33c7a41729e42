package dev.berth.runtime.plan;

/** An argument of a step: a number, an address inside the plan's data, or a register. */
sealed interface Arg permits Arg.Value, Arg.Data, Reg {

  /**
   * A number.
   *
   * @param text how the printed plan shows it
   */
  record Value(long value, String text) implements Arg {
    @Override
    public String toString() {
      return text;
    }
  }

  /**
   * The address of something in the plan's data.
   *
   * @param offset from the start of the plan's data
   * @param text how the printed plan shows what stands there
   */
  record Data(int offset, String text) implements Arg {
    @Override
    public String toString() {
      return text;
    }
  }

  static Value of(long value) {
    return new Value(value, Long.toString(value));
  }

  static Value of(long value, String text) {
    return new Value(value, text);
  }
}
