package dev.berth.sandbox;

import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;

import com.google.gson.JsonObject;
import dev.berth.base.Auditor;
import dev.berth.base.BerthException;
import dev.berth.proto.cri.v1.PodSandboxConfig;
import dev.berth.proto.cri.v1.PortMapping;
import dev.berth.proto.cri.v1.Protocol;
import dev.berth.runtime.kernel.Fd;
import dev.berth.sandbox.net.BridgeNetwork;
import dev.berth.sandbox.net.HostPort;
import dev.berth.sandbox.net.NetworkedPod;
import dev.berth.sandbox.net.PodAddresses;
import dev.berth.sandbox.net.RateLimits;
import java.util.List;
import java.util.function.Supplier;

/** Attaches sandboxes to Berth's own network: says in its terms what CRI says of a sandbox. */
final class OwnPodNetwork implements AutoCloseable {
  private final BridgeNetwork network;
  private final PodPaths paths;
  private final PodNamespaces namespaces;

  /**
   * @param network becomes this object's
   */
  OwnPodNetwork(BridgeNetwork network, PodPaths paths, PodNamespaces namespaces) {
    this.network = network;
    this.paths = paths;
    this.namespaces = namespaces;
  }

  String choose(String sandboxId) {
    return network.choose(sandboxId).toJson();
  }

  static void check(PodSandboxConfig config) {
    List<HostPort> _ = hostPorts(config);
  }

  NetworkStatus status() {
    return network.problem().map(NetworkStatus::notReady).orElse(NetworkStatus.READY);
  }

  PodNetwork.Attached attach(SandboxRecord sandbox) {
    PodAddresses addresses = PodAddresses.fromJson(sandbox.networkConfig());
    try (Fd netns = namespaces.openNetwork(sandbox.id())) {
      network.attach(
          sandbox.id(), netns, addresses, hostPorts(sandbox.config()), limits(sandbox.config()));
    }
    String path = paths.namespaces(sandbox.id()).resolve("net").toString();
    return new PodNetwork.Attached(addresses.toCniResult(path), addresses.texts());
  }

  void detach(SandboxRecord sandbox) {
    network.detach(sandbox.id());
  }

  void release(String sandboxId) {
    network.release(sandboxId);
  }

  void adopt(SandboxRecord sandbox, boolean isOfThisBoot) {
    network.adopt(
        sandbox.id(),
        PodAddresses.fromJson(sandbox.networkConfig()),
        isOfThisBoot ? hostPorts(sandbox.config()) : List.of());
  }

  /**
   * Returns what audits this network.
   *
   * @param recorded returns the pods that may be attached to it by their records
   */
  List<Auditor> auditors(Supplier<List<NetworkedPod>> recorded) {
    return network.auditors(recorded);
  }

  void restore() {
    network.restore();
  }

  private static RateLimits limits(PodSandboxConfig config) {
    JsonObject limits = Bandwidth.of(config.getAnnotationsMap());
    return new RateLimits(number(limits, "ingressRate"), number(limits, "egressRate"));
  }

  private static long number(JsonObject limits, String name) {
    return limits.has(name) ? limits.get(name).getAsLong() : 0;
  }

  private static List<HostPort> hostPorts(PodSandboxConfig config) {
    return config.getPortMappingsList().stream()
        .filter(mapping -> mapping.getHostPort() != 0)
        .map(OwnPodNetwork::hostPort)
        .toList();
  }

  private static HostPort hostPort(PortMapping mapping) {
    try {
      return new HostPort(
          HostPort.address(mapping.getHostIp()),
          protocol(mapping.getProtocol()),
          mapping.getHostPort(),
          mapping.getContainerPort());
    } catch (BerthException e) {
      throw e.during("port_mappings");
    }
  }

  private static HostPort.Protocol protocol(Protocol protocol) {
    return switch (protocol) {
      case TCP -> HostPort.Protocol.TCP;
      case UDP -> HostPort.Protocol.UDP;
      case SCTP -> HostPort.Protocol.SCTP;
      case UNRECOGNIZED -> throw new BerthException(INVALID_ARGUMENT, "unknown protocol");
    };
  }

  @Override
  public void close() {
    network.close();
  }
}
