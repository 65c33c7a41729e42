package dev.berth.runtime.seccomp;

import dev.berth.base.BerthException;
import dev.berth.base.BerthException.Kind;
import dev.berth.base.Ids;
import dev.berth.runtime.spec.Seccomp;
import java.util.Arrays;

/**
 * A comparison of one argument, as an unsigned number of 64 bits, with a constant.
 *
 * @param argument 0 to 5
 * @param mask bits of the argument that take part; all ones but for {@link Comparison#EQUAL}
 */
record Condition(int argument, Comparison comparison, long mask, long value) {
  private static final int ARGUMENTS = 6;
  private static final long ALL_BITS = -1L;

  /** An operator of profiles that is {@link Comparison#EQUAL} with a mask. */
  static final String MASKED_EQUAL = "SCMP_CMP_MASKED_EQ";

  /** The comparisons; the missing ones are these with their branches swapped. */
  enum Comparison {
    EQUAL("EQ"),
    NOT_EQUAL("NE"),
    GREATER("GT"),
    GREATER_OR_EQUAL("GE"),
    LESS("LT"),
    LESS_OR_EQUAL("LE");

    private final String specName;

    Comparison(String suffix) {
      this.specName = "SCMP_CMP_" + suffix;
    }

    String specName() {
      return specName;
    }
  }

  /**
   * Reads a condition of the runtime spec.
   *
   * @param field where it stands, for errors: {@code linux.seccomp.syscalls[2].args[0]}
   * @throws BerthException INVALID_ARGUMENT for an unknown operator or argument
   */
  static Condition parse(String field, Seccomp.Arg arg) {
    if (arg.index() < 0 || arg.index() >= ARGUMENTS) {
      throw new BerthException(
          Kind.INVALID_ARGUMENT, field + ".index " + arg.index() + " is not between 0 and 5");
    }
    if (arg.op().equals(MASKED_EQUAL)) {
      return new Condition(arg.index(), Comparison.EQUAL, arg.value(), arg.valueTwo());
    }
    return new Condition(arg.index(), comparison(field, arg.op()), ALL_BITS, arg.value());
  }

  private static Comparison comparison(String field, String operator) {
    return Arrays.stream(Comparison.values())
        .filter(comparison -> comparison.specName.equals(operator))
        .findFirst()
        .orElseThrow(() ->
            new BerthException(
                Kind.INVALID_ARGUMENT,
                field + ".op \"" + Ids.printable(operator) + "\" is not known"));
  }
}
