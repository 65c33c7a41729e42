package dev.berth.cri.config;

import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;

import dev.berth.base.BerthException;
import dev.berth.base.Ids;

/**
 * A setting as it was written, and where.
 *
 * @param source {@code "/etc/berth/config.toml:3:1: root"}, {@code "--root"}
 */
record ConfigValue(String text, String source) {
  /** Returns the error that says where the value was set and what it has to be. */
  BerthException mustBe(String expectation) {
    return new BerthException(
        INVALID_ARGUMENT,
        source + " must be " + expectation + ", not \"" + Ids.printable(text) + "\"");
  }
}
