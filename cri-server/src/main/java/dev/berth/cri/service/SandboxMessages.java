package dev.berth.cri.service;

import dev.berth.proto.cri.v1.LinuxPodSandboxStatus;
import dev.berth.proto.cri.v1.Namespace;
import dev.berth.proto.cri.v1.NamespaceOption;
import dev.berth.proto.cri.v1.PodIP;
import dev.berth.proto.cri.v1.PodSandbox;
import dev.berth.proto.cri.v1.PodSandboxConfig;
import dev.berth.proto.cri.v1.PodSandboxFilter;
import dev.berth.proto.cri.v1.PodSandboxNetworkStatus;
import dev.berth.proto.cri.v1.PodSandboxState;
import dev.berth.proto.cri.v1.PodSandboxStatus;
import dev.berth.sandbox.SandboxFilter;
import dev.berth.sandbox.SandboxState;
import dev.berth.sandbox.SandboxStatus;
import java.util.Optional;

/** Translates between sandboxes and their CRI messages. */
final class SandboxMessages {
  private SandboxMessages() {}

  static SandboxFilter filter(PodSandboxFilter filter) {
    return new SandboxFilter(
        Optional.of(filter.getId()).filter(id -> !id.isEmpty()),
        filter.hasState() ? Optional.of(state(filter.getState().getState())) : Optional.empty(),
        filter.getLabelSelectorMap());
  }

  private static SandboxState state(PodSandboxState state) {
    return state == PodSandboxState.SANDBOX_READY ? SandboxState.READY : SandboxState.NOT_READY;
  }

  private static PodSandboxState state(SandboxStatus sandbox) {
    return switch (sandbox.state()) {
      case READY -> PodSandboxState.SANDBOX_READY;
      case NOT_READY -> PodSandboxState.SANDBOX_NOTREADY;
    };
  }

  static PodSandbox item(SandboxStatus sandbox) {
    PodSandboxConfig config = sandbox.config();
    return PodSandbox.newBuilder()
        .setId(sandbox.id())
        .setMetadata(config.getMetadata())
        .setState(state(sandbox))
        .setCreatedAt(Times.nanos(sandbox.createdAt()))
        .putAllLabels(config.getLabelsMap())
        .putAllAnnotations(config.getAnnotationsMap())
        .setRuntimeHandler(sandbox.runtimeHandler())
        .build();
  }

  /** Whether {@link #item} is the same of both, told without looking into them. */
  @SuppressWarnings("ReferenceEquality") // another instance is another message at worst
  static boolean sameItem(SandboxStatus one, SandboxStatus other) {
    return one.config() == other.config() && one.state() == other.state();
  }

  static PodSandboxStatus status(SandboxStatus sandbox) {
    PodSandboxConfig config = sandbox.config();
    return PodSandboxStatus.newBuilder()
        .setId(sandbox.id())
        .setMetadata(config.getMetadata())
        .setState(state(sandbox))
        .setCreatedAt(Times.nanos(sandbox.createdAt()))
        .setNetwork(network(sandbox))
        .setLinux(LinuxPodSandboxStatus.newBuilder().setNamespaces(namespaces(config)))
        .putAllLabels(config.getLabelsMap())
        .putAllAnnotations(config.getAnnotationsMap())
        .setRuntimeHandler(sandbox.runtimeHandler())
        .build();
  }

  private static PodSandboxNetworkStatus network(SandboxStatus sandbox) {
    var network = PodSandboxNetworkStatus.newBuilder();
    sandbox.ips().stream().findFirst().ifPresent(network::setIp);
    sandbox.ips().stream()
        .skip(1)
        .forEach(ip -> network.addAdditionalIps(PodIP.newBuilder().setIp(ip)));
    return network.build();
  }

  /** The kubelet makes the pod anew when this differs from what it asked for. */
  private static Namespace namespaces(PodSandboxConfig config) {
    NamespaceOption options = config.getLinux().getSecurityContext().getNamespaceOptions();
    return Namespace.newBuilder().setOptions(options).build();
  }
}
