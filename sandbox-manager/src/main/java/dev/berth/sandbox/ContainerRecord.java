package dev.berth.sandbox;

import dev.berth.proto.cri.v1.ContainerConfig;
import dev.berth.proto.cri.v1.LinuxContainerResources;
import dev.berth.sandbox.ContainerStatus.ContainerImage;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What is durable of a container. Written before anything is made for it, in the state it will have
 * then: a CREATED one whose task no shim knows was left half made by a crash.
 *
 * @param bootId which boot of the machine its task belongs to
 * @param cgroup path of its cgroup within the hierarchies
 */
record ContainerRecord(
    String id,
    String sandboxId,
    ContainerConfig config,
    ContainerImage image,
    ContainerUser user,
    int stopSignal,
    Optional<Path> logPath,
    String cgroup,
    String bootId,
    ContainerState state) {
  private static final int SCHEMA = 1;

  /** The form on disk. */
  private record Stored(
      int schema,
      String id,
      String sandboxId,
      String config,
      ContainerImage image,
      StoredUser user,
      int stopSignal,
      @Nullable String logPath,
      String cgroup,
      String bootId,
      StoredState state) {}

  private record StoredUser(long uid, long gid, List<Long> groups) {}

  private record StoredState(
      String kind,
      String createdAt,
      @Nullable String startedAt,
      @Nullable String finishedAt,
      int pid,
      int exitCode,
      @Nullable String reason,
      @Nullable String message) {
    static StoredState of(ContainerState state) {
      return switch (state) {
        case ContainerState.Created(var createdAt) ->
            new StoredState("created", createdAt.toString(), null, null, 0, 0, null, null);
        case ContainerState.Running(var createdAt, var startedAt, int pid) ->
            new StoredState(
                "running", createdAt.toString(), startedAt.toString(), null, pid, 0, null, null);
        case ContainerState.Exited exited ->
            new StoredState(
                "exited",
                exited.createdAt().toString(),
                exited.startedAt().toString(),
                exited.finishedAt().toString(),
                0,
                exited.exitCode(),
                exited.reason(),
                exited.message());
        case ContainerState.Unknown(var createdAt, var startedAt, var why) ->
            new StoredState(
                "unknown", createdAt.toString(), startedAt.toString(), null, 0, 0, null, why);
      };
    }

    ContainerState state() {
      Instant created = Instant.parse(createdAt);
      return switch (kind) {
        case "created" -> new ContainerState.Created(created);
        case "running" -> new ContainerState.Running(created, instant(startedAt), pid);
        case "exited" ->
            new ContainerState.Exited(
                created,
                instant(startedAt),
                instant(finishedAt),
                exitCode,
                text(reason),
                text(message));
        case "unknown" -> new ContainerState.Unknown(created, instant(startedAt), text(message));
        default -> throw new IllegalArgumentException("state " + kind + " is not known");
      };
    }

    private static Instant instant(@Nullable String text) {
      if (text == null) {
        throw new IllegalArgumentException("a time is missing");
      }
      return Instant.parse(text);
    }

    private static String text(@Nullable String text) {
      return text == null ? "" : text;
    }
  }

  ContainerRecord with(ContainerState next) {
    return new ContainerRecord(
        id, sandboxId, config, image, user, stopSignal, logPath, cgroup, bootId, next);
  }

  ContainerRecord with(LinuxContainerResources limits) {
    var changed = config.toBuilder();
    changed.getLinuxBuilder().setResources(limits);
    return new ContainerRecord(
        id, sandboxId, changed.build(), image, user, stopSignal, logPath, cgroup, bootId, state);
  }

  ContainerRecord with(String otherCgroup) {
    return new ContainerRecord(
        id, sandboxId, config, image, user, stopSignal, logPath, otherCgroup, bootId, state);
  }

  ContainerName name() {
    return ContainerName.of(sandboxId, config);
  }

  ContainerStatus status() {
    return new ContainerStatus(
        id, sandboxId, config, image, user, stopSignal, logPath, snapshotKey(), state);
  }

  /** Returns the key of its snapshot: a container has one, and it is its own. */
  String snapshotKey() {
    return id;
  }

  byte[] toBytes() {
    return StoredJson.write(
        new Stored(
            SCHEMA,
            id,
            sandboxId,
            StoredJson.encode(config),
            image,
            new StoredUser(user.uid(), user.gid(), user.supplementalGroups()),
            stopSignal,
            logPath.map(Path::toString).orElse(null),
            cgroup,
            bootId,
            StoredState.of(state)));
  }

  /**
   * Reads what {@link #toBytes} wrote, of this release or the one before.
   *
   * @throws dev.berth.base.BerthException INTERNAL if it cannot be read
   */
  static ContainerRecord parse(byte[] bytes) {
    return StoredJson.read(
        bytes,
        Stored.class,
        stored -> {
          StoredJson.requireSchema(stored.schema, SCHEMA);
          return new ContainerRecord(
              stored.id,
              stored.sandboxId,
              StoredJson.decode(stored.config, ContainerConfig.parser()),
              stored.image,
              new ContainerUser(stored.user.uid, stored.user.gid, stored.user.groups),
              stored.stopSignal,
              Optional.ofNullable(stored.logPath).map(Path::of),
              stored.cgroup,
              stored.bootId,
              stored.state.state());
        });
  }
}
