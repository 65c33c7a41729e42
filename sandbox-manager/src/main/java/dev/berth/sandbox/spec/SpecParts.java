package dev.berth.sandbox.spec;

import static java.util.Objects.requireNonNull;

import dev.berth.runtime.spec.ContainerProcess;
import dev.berth.runtime.spec.Linux;
import dev.berth.runtime.spec.Resources;
import dev.berth.runtime.spec.RuntimeSpec;
import java.util.function.UnaryOperator;

/** Changes one member of a spec that {@link SpecGenerator} has begun. */
final class SpecParts {
  private SpecParts() {}

  static RuntimeSpec process(RuntimeSpec spec, UnaryOperator<ContainerProcess.Builder> change) {
    ContainerProcess process = requireNonNull(spec.process(), "the generator sets it");
    return spec.toBuilder().process(change.apply(process.toBuilder()).build()).build();
  }

  static RuntimeSpec linux(RuntimeSpec spec, UnaryOperator<Linux.Builder> change) {
    Linux linux = requireNonNull(spec.linux(), "the generator sets it");
    return spec.toBuilder().linux(change.apply(linux.toBuilder()).build()).build();
  }

  static RuntimeSpec resources(RuntimeSpec spec, UnaryOperator<Resources.Builder> change) {
    Linux linux = requireNonNull(spec.linux(), "the generator sets it");
    Resources.Builder resources =
        linux.resources() == null ? Resources.builder() : linux.resources().toBuilder();
    return linux(spec, builder -> builder.resources(change.apply(resources).build()));
  }
}
