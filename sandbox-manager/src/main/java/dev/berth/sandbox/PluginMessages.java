package dev.berth.sandbox;

import dev.berth.proto.cri.v1.LinuxPodSandboxConfig;
import dev.berth.proto.nri.Container;
import dev.berth.proto.nri.Image;
import dev.berth.proto.nri.LinuxPodSandbox;
import dev.berth.proto.nri.PodSandbox;
import dev.berth.runtime.spec.Namespace;
import dev.berth.runtime.spec.RuntimeSpec;
import dev.berth.sandbox.ContainerStatus.ContainerImage;
import dev.berth.sandbox.nri.Limits;
import dev.berth.sandbox.nri.SpecMessages;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;

/** Sandboxes and containers as plugins see them. */
final class PluginMessages {
  private PluginMessages() {}

  /**
   * Returns a sandbox.
   *
   * @param namespaces paths of the namespaces it has, by type
   */
  static PodSandbox pod(SandboxRecord record, Map<String, String> namespaces) {
    LinuxPodSandboxConfig linux = record.config().getLinux();
    LinuxPodSandbox.Builder message =
        LinuxPodSandbox.newBuilder()
            .setPodOverhead(Limits.ofCri(linux.getOverhead()))
            .setPodResources(Limits.ofCri(linux.getResources()))
            .setCgroupParent(linux.getCgroupParent());
    namespaces.forEach(
        (type, path) -> message.addNamespaces(SpecMessages.namespace(Namespace.join(type, path))));
    return PodSandbox.newBuilder()
        .setId(record.id())
        .setName(record.config().getMetadata().getName())
        .setUid(record.config().getMetadata().getUid())
        .setNamespace(record.config().getMetadata().getNamespace())
        .putAllLabels(record.config().getLabelsMap())
        .putAllAnnotations(record.config().getAnnotationsMap())
        .setRuntimeHandler(record.runtimeHandler())
        .setLinux(message)
        .addAllIps(record.ips())
        .build();
  }

  /**
   * Returns a container.
   *
   * @param spec absent where nothing is left of it
   */
  static Container container(ContainerRecord record, Optional<RuntimeSpec> spec) {
    Container.Builder message =
        spec.map(SpecMessages::describe)
            .orElseGet(Container::newBuilder)
            .setId(record.id())
            .setPodSandboxId(record.sandboxId())
            .setName(record.config().getMetadata().getName())
            .putAllLabels(record.config().getLabelsMap())
            .putAllAnnotations(record.config().getAnnotationsMap())
            .setImage(image(record.image()))
            .setCreatedAt(nanos(record.state().createdAt()));
    spec.ifPresent(known -> message.putAllAnnotations(known.annotations())); // what it really has
    state(record.state(), message);
    return message.build();
  }

  private static Image image(ContainerImage image) {
    String reference = image.reference();
    return Image.newBuilder()
        .setName(image.name())
        .setDigest(reference.substring(reference.indexOf('@') + 1))
        .setConfigDigest(image.id())
        .build();
  }

  private static void state(ContainerState state, Container.Builder message) {
    switch (state) {
      case ContainerState.Created _ ->
          message.setState(dev.berth.proto.nri.ContainerState.CONTAINER_CREATED);
      case ContainerState.Running(var _, var startedAt, int pid) ->
          message
              .setState(dev.berth.proto.nri.ContainerState.CONTAINER_RUNNING)
              .setStartedAt(nanos(startedAt))
              .setPid(pid);
      case ContainerState.Exited exited ->
          message
              .setState(dev.berth.proto.nri.ContainerState.CONTAINER_STOPPED)
              .setStartedAt(nanos(exited.startedAt()))
              .setFinishedAt(nanos(exited.finishedAt()))
              .setExitCode(exited.exitCode())
              .setStatusReason(exited.reason())
              .setStatusMessage(exited.message());
      case ContainerState.Unknown(var _, var startedAt, var why) ->
          message
              .setState(dev.berth.proto.nri.ContainerState.CONTAINER_UNKNOWN)
              .setStartedAt(nanos(startedAt))
              .setStatusMessage(why);
    }
  }

  private static long nanos(Instant at) {
    return Math.addExact(Math.multiplyExact(at.getEpochSecond(), 1_000_000_000L), at.getNano());
  }
}
