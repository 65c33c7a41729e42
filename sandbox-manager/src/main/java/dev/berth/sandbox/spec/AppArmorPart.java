package dev.berth.sandbox.spec;

import dev.berth.runtime.spec.RuntimeSpec;

/** Writes the AppArmor profile, where the node has any. */
final class AppArmorPart implements SpecAdjuster {
  @Override
  public RuntimeSpec adjust(RuntimeSpec spec, SpecInput input) {
    return input
        .appArmorProfile()
        .map(profile -> SpecParts.process(spec, process -> process.apparmorProfile(profile)))
        .orElse(spec);
  }
}
