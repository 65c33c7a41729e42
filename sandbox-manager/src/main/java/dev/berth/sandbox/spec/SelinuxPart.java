package dev.berth.sandbox.spec;

import dev.berth.proto.cri.v1.SELinuxOption;
import dev.berth.runtime.spec.RuntimeSpec;
import java.util.Optional;

/**
 * Writes the SELinux labels of a container that asks for some, or whose pod does, where the kernel
 * has SELinux: of its process, and of the files that are mounted for it alone.
 *
 * <p>Privileged containers have none, and run as what started them.
 */
final class SelinuxPart implements SpecAdjuster {
  @Override
  public RuntimeSpec adjust(RuntimeSpec spec, SpecInput input) {
    if (!input.host().selinux() || input.isPrivileged()) {
      return spec;
    }
    return options(input)
        .map(options -> SelinuxLabels.of(options, input.sandboxId()))
        .map(labels -> write(spec, labels))
        .orElse(spec);
  }

  private static RuntimeSpec write(RuntimeSpec spec, SelinuxLabels labels) {
    RuntimeSpec labelled = SpecParts.process(spec, p -> p.selinuxLabel(labels.process()));
    return SpecParts.linux(labelled, linux -> linux.mountLabel(labels.mount()));
  }

  /**
   * The container's own; of the pod's what it leaves open, among them the level that they share.
   */
  private static Optional<SELinuxOption> options(SpecInput input) {
    SELinuxOption pod = input.sandbox().getLinux().getSecurityContext().getSelinuxOptions();
    SELinuxOption own = input.security().getSelinuxOptions();
    SELinuxOption both =
        SELinuxOption.newBuilder()
            .setUser(first(own.getUser(), pod.getUser()))
            .setRole(first(own.getRole(), pod.getRole()))
            .setType(first(own.getType(), pod.getType()))
            .setLevel(first(own.getLevel(), pod.getLevel()))
            .build();
    return both.equals(SELinuxOption.getDefaultInstance()) ? Optional.empty() : Optional.of(both);
  }

  private static String first(String own, String inherited) {
    return own.isEmpty() ? inherited : own;
  }
}
