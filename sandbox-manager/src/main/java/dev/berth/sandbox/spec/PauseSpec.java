package dev.berth.sandbox.spec;

import dev.berth.proto.cri.v1.PodSandboxConfig;
import dev.berth.runtime.spec.Capabilities;
import dev.berth.runtime.spec.ContainerProcess;
import dev.berth.runtime.spec.IdMappings;
import dev.berth.runtime.spec.Linux;
import dev.berth.runtime.spec.Mount;
import dev.berth.runtime.spec.Namespace;
import dev.berth.runtime.spec.Resources;
import dev.berth.runtime.spec.Root;
import dev.berth.runtime.spec.RuntimeSpec;
import dev.berth.runtime.spec.User;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The spec of a pod's pause: one program in an empty root, as nobody, without any capability or
 * device, and the last to be killed when memory runs out.
 */
public final class PauseSpec {
  private static final long NOBODY = 65534;
  private static final int OOM_SCORE_ADJ = -998; // what the kubelet expects of a sandbox
  private static final long LEAST_CPU_SHARES = 2;

  private PauseSpec() {}

  /**
   * Returns the spec.
   *
   * @param hostname what a kernel in user space is to call itself; elsewhere the namespace has it
   * @param program absolute path of berth-init
   * @param namespaces what the sandbox has for itself, path by type
   * @param ids of the user namespace among those
   * @param cgroupsPath the pause's own cgroup
   * @param host says how low the score may be by which the kernel chooses whom to kill
   */
  public static RuntimeSpec of(
      String sandboxId,
      PodSandboxConfig config,
      Optional<String> hostname,
      Path program,
      Map<String, String> namespaces,
      IdMappings ids,
      String cgroupsPath,
      HostFacts host) {
    return RuntimeSpec.builder()
        .ociVersion(SpecGenerator.VERSION)
        .process(process(Math.max(OOM_SCORE_ADJ, host.leastOomScoreAdj())))
        .root(new Root("rootfs", true))
        .mounts(
            List.of(
                new Mount("/proc", "proc", "proc", List.of("nosuid", "noexec", "nodev")),
                // Where runc makes /dev/null and opens it; the bundle's own file system is nodev.
                new Mount("/dev", "tmpfs", "tmpfs", List.of("nosuid", "mode=755", "size=64k")),
                new Mount("/pause", "bind", program.toString(), List.of("bind", "ro", "nosuid"))))
        .hostname(hostname.orElse(null))
        .annotations(AnnotationsPart.ofSandbox(sandboxId, config))
        .linux(
            Linux.builder()
                .namespaces(namespaces(namespaces))
                .uidMappings(ids.uids())
                .gidMappings(ids.gids())
                .cgroupsPath(cgroupsPath)
                .resources(
                    Resources.builder()
                        .cpu(Resources.Cpu.builder().shares(LEAST_CPU_SHARES).build())
                        .devices(List.of(new Resources.DeviceRule(false, null, null, null, "rwm")))
                        .build())
                .build())
        .build();
  }

  private static ContainerProcess process(int oomScoreAdj) {
    return ContainerProcess.builder()
        .args(List.of("/pause", "pause"))
        .cwd("/")
        .user(new User(NOBODY, NOBODY))
        .capabilities(Capabilities.NONE)
        .noNewPrivileges(true)
        .oomScoreAdj(oomScoreAdj)
        .build();
  }

  private static List<Namespace> namespaces(Map<String, String> shared) {
    List<Namespace> all = new ArrayList<>();
    all.add(Namespace.fresh("mount"));
    all.add(Namespace.fresh("pid"));
    shared.forEach((type, path) -> all.add(Namespace.join(type, path)));
    return all;
  }
}
