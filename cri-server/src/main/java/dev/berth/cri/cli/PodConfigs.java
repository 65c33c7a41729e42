package dev.berth.cri.cli;

import com.google.protobuf.ByteString;
import dev.berth.proto.cri.v1.ContainerConfig;
import dev.berth.proto.cri.v1.ContainerMetadata;
import dev.berth.proto.cri.v1.ImageSpec;
import dev.berth.proto.cri.v1.KeyValue;
import dev.berth.proto.cri.v1.LinuxContainerConfig;
import dev.berth.proto.cri.v1.LinuxContainerSecurityContext;
import dev.berth.proto.cri.v1.LinuxPodSandboxConfig;
import dev.berth.proto.cri.v1.LinuxSandboxSecurityContext;
import dev.berth.proto.cri.v1.Mount;
import dev.berth.proto.cri.v1.NamespaceMode;
import dev.berth.proto.cri.v1.NamespaceOption;
import dev.berth.proto.cri.v1.PodSandbox;
import dev.berth.proto.cri.v1.PodSandboxConfig;
import dev.berth.proto.cri.v1.PodSandboxMetadata;
import dev.berth.proto.cri.v1.PodSandboxState;
import dev.berth.proto.cri.v1.PortMapping;
import dev.berth.proto.cri.v1.Protocol;
import dev.berth.proto.cri.v1.SecurityProfile;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.stream.Collectors;

/** The CRI configurations that {@code berth run} sends: those of a kubelet's plainest pod. */
final class PodConfigs {
  private static final String NAMESPACE = "default";

  /** The kubelet's lists: runtimes have none of their own. */
  private static final List<String> MASKED_PATHS =
      List.of(
          "/proc/asound",
          "/proc/acpi",
          "/proc/interrupts",
          "/proc/kcore",
          "/proc/keys",
          "/proc/latency_stats",
          "/proc/timer_list",
          "/proc/timer_stats",
          "/proc/sched_debug",
          "/proc/scsi",
          "/sys/firmware",
          "/sys/devices/virtual/powercap");

  private static final List<String> READONLY_PATHS =
      List.of("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger");

  private PodConfigs() {}

  /** Returns {@code "busybox"} for {@code registry:5000/library/busybox:1.36}. */
  static String nameFromImage(String image) {
    String last = image.substring(image.lastIndexOf('/') + 1);
    String name = last.split("[:@]", 2)[0].toLowerCase(Locale.ROOT);
    return name.replaceAll("[^a-z0-9-]", "-");
  }

  static PodSandboxMetadata newMetadata(String name) {
    return PodSandboxMetadata.newBuilder()
        .setName(name)
        .setNamespace(NAMESPACE)
        .setUid(UUID.randomUUID().toString())
        .build();
  }

  static Optional<PodSandbox> findReady(CriClient cri, String name) {
    return Lookup.of(cri).pods().stream()
        .filter(pod -> pod.getState() == PodSandboxState.SANDBOX_READY)
        .filter(pod -> pod.getMetadata().getNamespace().equals(NAMESPACE))
        .filter(pod -> pod.getMetadata().getName().equals(name))
        .findFirst();
  }

  static PodSandboxConfig sandbox(
      PodSandboxMetadata metadata,
      Path logs,
      boolean hostNetwork,
      boolean privileged,
      List<String> ports) {
    var config =
        PodSandboxConfig.newBuilder()
            .setMetadata(metadata)
            .setLogDirectory(logs.toAbsolutePath().toString())
            .putAllLabels(
                Map.of(
                    "io.kubernetes.pod.name", metadata.getName(),
                    "io.kubernetes.pod.namespace", metadata.getNamespace(),
                    "io.kubernetes.pod.uid", metadata.getUid()))
            .setLinux(
                LinuxPodSandboxConfig.newBuilder()
                    .setSecurityContext(
                        LinuxSandboxSecurityContext.newBuilder()
                            .setNamespaceOptions(namespaces(hostNetwork))
                            .setPrivileged(privileged)
                            .setSeccomp(SecurityProfile.getDefaultInstance())));
    if (!hostNetwork) {
      config.setHostname(metadata.getName());
    }
    ports.forEach(port -> config.addPortMappings(port(port)));
    return config.build();
  }

  private static NamespaceOption namespaces(boolean hostNetwork) {
    return NamespaceOption.newBuilder()
        .setNetwork(hostNetwork ? NamespaceMode.NODE : NamespaceMode.POD)
        .setPid(NamespaceMode.CONTAINER)
        .build();
  }

  private static PortMapping port(String text) {
    String[] parts = text.split(":", -1);
    try {
      return PortMapping.newBuilder()
          .setProtocol(Protocol.TCP)
          .setHostPort(Integer.parseInt(parts[0]))
          .setContainerPort(Integer.parseInt(parts[1]))
          .build();
    } catch (NumberFormatException | ArrayIndexOutOfBoundsException e) {
      throw new CliException("--publish must be HOSTPORT:PORT, not " + text);
    }
  }

  static ContainerConfig container(
      String name, String imageId, String askedImage, boolean privileged) {
    var security =
        LinuxContainerSecurityContext.newBuilder()
            .setPrivileged(privileged)
            .setNamespaceOptions(namespaces(false));
    if (!privileged) {
      security
          .setSeccomp(SecurityProfile.getDefaultInstance())
          .addAllMaskedPaths(MASKED_PATHS)
          .addAllReadonlyPaths(READONLY_PATHS);
    }
    return ContainerConfig.newBuilder()
        .setMetadata(ContainerMetadata.newBuilder().setName(name))
        .setImage(ImageSpec.newBuilder().setImage(imageId).setUserSpecifiedImage(askedImage))
        .setLogPath(name + ".log")
        .putLabels("io.kubernetes.container.name", name)
        .setLinux(LinuxContainerConfig.newBuilder().setSecurityContext(security))
        .build();
  }

  static List<KeyValue> environment(Map<String, String> variables) {
    return variables.entrySet().stream()
        .map(e ->
            KeyValue.newBuilder()
                .setKey(e.getKey())
                .setValue(ByteString.copyFromUtf8(e.getValue()))
                .build())
        .collect(Collectors.toUnmodifiableList());
  }

  static List<Mount> mounts(List<String> volumes) {
    return volumes.stream().map(PodConfigs::mount).toList();
  }

  private static Mount mount(String text) {
    String[] parts = text.split(":", -1);
    boolean readonly = parts.length == 3 && parts[2].equals("ro");
    if (parts.length != 2 && !readonly) {
      throw new CliException("--volume must be HOST:CONTAINER or HOST:CONTAINER:ro, not " + text);
    }
    return Mount.newBuilder()
        .setHostPath(Path.of(parts[0]).toAbsolutePath().toString())
        .setContainerPath(parts[1])
        .setReadonly(readonly)
        .build();
  }
}
