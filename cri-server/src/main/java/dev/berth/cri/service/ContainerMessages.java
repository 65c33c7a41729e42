package dev.berth.cri.service;

import com.google.protobuf.ByteString;
import dev.berth.proto.cri.v1.Container;
import dev.berth.proto.cri.v1.ContainerConfig;
import dev.berth.proto.cri.v1.ContainerFilter;
import dev.berth.proto.cri.v1.ContainerResources;
import dev.berth.proto.cri.v1.ContainerState;
import dev.berth.proto.cri.v1.ContainerStatus;
import dev.berth.proto.cri.v1.ContainerUser;
import dev.berth.proto.cri.v1.ExecSyncResponse;
import dev.berth.proto.cri.v1.ImageSpec;
import dev.berth.proto.cri.v1.LinuxContainerUser;
import dev.berth.sandbox.ContainerState.Created;
import dev.berth.sandbox.ContainerState.Exited;
import dev.berth.sandbox.ContainerState.Running;
import dev.berth.sandbox.ContainerState.Unknown;
import dev.berth.sandbox.CriSignals;
import dev.berth.sandbox.ExecResult;
import java.util.Optional;

/** Translates between containers and their CRI messages. */
final class ContainerMessages {
  private ContainerMessages() {}

  static dev.berth.sandbox.ContainerFilter filter(ContainerFilter filter) {
    return new dev.berth.sandbox.ContainerFilter(
        present(filter.getId()),
        present(filter.getPodSandboxId()),
        filter.hasState() ? Optional.of(kind(filter.getState().getState())) : Optional.empty(),
        filter.getLabelSelectorMap());
  }

  private static Optional<String> present(String text) {
    return Optional.of(text).filter(value -> !value.isEmpty());
  }

  private static Class<? extends dev.berth.sandbox.ContainerState> kind(ContainerState state) {
    return switch (state) {
      case CONTAINER_CREATED -> Created.class;
      case CONTAINER_RUNNING -> Running.class;
      case CONTAINER_EXITED -> Exited.class;
      case CONTAINER_UNKNOWN, UNRECOGNIZED -> Unknown.class;
    };
  }

  private static ContainerState state(dev.berth.sandbox.ContainerState state) {
    return switch (state) {
      case Created _ -> ContainerState.CONTAINER_CREATED;
      case Running _ -> ContainerState.CONTAINER_RUNNING;
      case Exited _ -> ContainerState.CONTAINER_EXITED;
      case Unknown _ -> ContainerState.CONTAINER_UNKNOWN;
    };
  }

  static Container item(dev.berth.sandbox.ContainerStatus container) {
    ContainerConfig config = container.config();
    return Container.newBuilder()
        .setId(container.id())
        .setPodSandboxId(container.sandboxId())
        .setMetadata(config.getMetadata())
        .setImage(config.getImage())
        .setImageRef(container.image().id())
        .setImageId(container.image().id())
        .setState(state(container.state()))
        .setCreatedAt(Times.nanos(container.state().createdAt()))
        .putAllLabels(config.getLabelsMap())
        .putAllAnnotations(config.getAnnotationsMap())
        .build();
  }

  /** Whether {@link #item} is the same of both, told without looking into them. */
  @SuppressWarnings("ReferenceEquality") // another instance is another message at worst
  static boolean sameItem(
      dev.berth.sandbox.ContainerStatus one, dev.berth.sandbox.ContainerStatus other) {
    return one.config() == other.config()
        && one.state() == other.state()
        && one.image() == other.image();
  }

  static ContainerStatus status(dev.berth.sandbox.ContainerStatus container) {
    ContainerConfig config = container.config();
    var status =
        ContainerStatus.newBuilder()
            .setId(container.id())
            .setMetadata(config.getMetadata())
            .setState(state(container.state()))
            .setCreatedAt(Times.nanos(container.state().createdAt()))
            .setImage(image(container))
            .setImageRef(container.image().reference())
            .setImageId(container.image().id())
            .putAllLabels(config.getLabelsMap())
            .putAllAnnotations(config.getAnnotationsMap())
            .addAllMounts(config.getMountsList())
            .setUser(user(container.user()))
            .setStopSignalValue(CriSignals.ofKernel(container.stopSignal()));
    container.logPath().ifPresent(path -> status.setLogPath(path.toString()));
    if (config.getLinux().hasResources()) {
      status.setResources(
          ContainerResources.newBuilder().setLinux(config.getLinux().getResources()));
    }
    addHistory(status, container.state());
    return status.build();
  }

  private static void addHistory(
      ContainerStatus.Builder status, dev.berth.sandbox.ContainerState state) {
    switch (state) {
      case Created _ -> {}
      case Running running -> status.setStartedAt(Times.nanos(running.startedAt()));
      case Exited exited ->
          status
              .setStartedAt(Times.nanos(exited.startedAt()))
              .setFinishedAt(Times.nanos(exited.finishedAt()))
              .setExitCode(exited.exitCode())
              .setReason(exited.reason())
              .setMessage(exited.message());
      case Unknown unknown ->
          status
              .setStartedAt(Times.nanos(unknown.startedAt()))
              .setReason("Unknown")
              .setMessage(unknown.why());
    }
  }

  private static ImageSpec image(dev.berth.sandbox.ContainerStatus container) {
    ImageSpec asked = container.config().getImage();
    return ImageSpec.newBuilder()
        .setImage(container.image().name())
        .setUserSpecifiedImage(asked.getUserSpecifiedImage())
        .putAllAnnotations(asked.getAnnotationsMap())
        .build();
  }

  private static ContainerUser user(dev.berth.sandbox.ContainerUser user) {
    return ContainerUser.newBuilder()
        .setLinux(
            LinuxContainerUser.newBuilder()
                .setUid(user.uid())
                .setGid(user.gid())
                .addAllSupplementalGroups(user.supplementalGroups()))
        .build();
  }

  static ExecSyncResponse execResult(ExecResult result) {
    ByteString stdout = result.stdout();
    return ExecSyncResponse.newBuilder()
        .setStdout(stdout)
        .setStderr(result.stderr())
        .setExitCode(result.exitCode())
        .build();
  }
}
