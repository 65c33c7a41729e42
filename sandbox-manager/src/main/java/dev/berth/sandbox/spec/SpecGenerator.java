package dev.berth.sandbox.spec;

import dev.berth.runtime.spec.ContainerProcess;
import dev.berth.runtime.spec.Linux;
import dev.berth.runtime.spec.Root;
import dev.berth.runtime.spec.RuntimeSpec;
import dev.berth.runtime.spec.Seccomp;
import java.util.List;
import java.util.Set;
import java.util.function.Function;

/**
 * Generates the runtime spec of a container: a nearly empty one that the adjusters fill in, each
 * its own part, in their order. Thread-safe.
 */
public final class SpecGenerator {
  /**
   * The least version of the runtime spec that has all which is written here: programs that foreign
   * shims call refuse what is newer than they are, crun 1.8 for one.
   */
  static final String VERSION = "1.1.0";

  private final List<SpecAdjuster> adjusters;

  /**
   * Creates a generator.
   *
   * @param runtimeDefault gives the filter of the profile RuntimeDefault for a set of capabilities
   */
  public SpecGenerator(Function<Set<String>, Seccomp> runtimeDefault) {
    adjusters =
        List.of(
            new CommandPart(),
            new EnvironmentPart(),
            new PrivilegesPart(),
            new MountsPart(),
            new NamespacesPart(),
            new DevicesPart(),
            new ResourcesPart(),
            new ProtectedPathsPart(),
            new SeccompPart(runtimeDefault),
            new AppArmorPart(),
            new SelinuxPart(),
            new AnnotationsPart(),
            new CdiPart());
  }

  /**
   * Returns the spec.
   *
   * @throws dev.berth.base.BerthException INVALID_ARGUMENT naming the field that cannot be
   */
  public RuntimeSpec generate(SpecInput input) {
    RuntimeSpec spec =
        RuntimeSpec.builder()
            .ociVersion(VERSION)
            .process(ContainerProcess.builder().build())
            .root(new Root("rootfs", input.security().getReadonlyRootfs()))
            .linux(Linux.builder().build())
            .build();
    for (SpecAdjuster adjuster : adjusters) {
      spec = adjuster.adjust(spec, input);
    }
    return spec;
  }
}
