package dev.berth.sandbox.spec;

import dev.berth.runtime.spec.RuntimeSpec;

/** Writes the masked and read-only paths: those that CRI lists, and none for the privileged. */
final class ProtectedPathsPart implements SpecAdjuster {
  @Override
  public RuntimeSpec adjust(RuntimeSpec spec, SpecInput input) {
    if (input.isPrivileged()) {
      return spec;
    }
    return SpecParts.linux(
        spec,
        linux ->
            linux
                .maskedPaths(input.security().getMaskedPathsList())
                .readonlyPaths(input.security().getReadonlyPathsList()));
  }
}
