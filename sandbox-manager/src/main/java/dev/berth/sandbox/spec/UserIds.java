package dev.berth.sandbox.spec;

import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;

import dev.berth.base.BerthException;
import dev.berth.base.Ids;
import java.util.Optional;

/** Numbers of users and groups: 0 to 2^32-2, since 2^32-1 means "none" to the kernel (rule R22). */
final class UserIds {
  static final long MAX = 0xFFFF_FFFEL;

  private UserIds() {}

  /** Returns the number if the text is one and lies in the range. */
  static Optional<Long> parse(String text) {
    if (!isNumeric(text) || text.length() > 10) {
      return Optional.empty();
    }
    long value = Long.parseLong(text);
    return value <= MAX ? Optional.of(value) : Optional.empty();
  }

  /** Tells whether the text is made of digits: then it is a number and never a name. */
  static boolean isNumeric(String text) {
    return !text.isEmpty() && text.chars().allMatch(c -> c >= '0' && c <= '9');
  }

  static long require(String field, long value) {
    if (value < 0 || value > MAX) {
      throw new BerthException(
          INVALID_ARGUMENT, field + " " + value + " is not between 0 and " + MAX);
    }
    return value;
  }

  static long require(String field, String text) {
    return parse(text)
        .orElseThrow(() ->
            new BerthException(
                INVALID_ARGUMENT,
                field + " \"" + Ids.printable(text) + "\" is not between 0 and " + MAX));
  }
}
