package dev.berth.sandbox.spec;

import dev.berth.runtime.spec.RuntimeSpec;

/** Writes one part of a spec. Pure: it looks at its arguments only. */
@FunctionalInterface
public interface SpecAdjuster {
  /**
   * Returns the spec with this part written.
   *
   * @throws dev.berth.base.BerthException INVALID_ARGUMENT naming the field that cannot be
   */
  RuntimeSpec adjust(RuntimeSpec spec, SpecInput input);
}
