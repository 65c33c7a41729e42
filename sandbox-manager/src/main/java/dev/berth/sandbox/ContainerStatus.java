package dev.berth.sandbox;

import dev.berth.proto.cri.v1.ContainerConfig;
import java.nio.file.Path;
import java.util.Optional;

/**
 * What is known of a container at one moment.
 *
 * @param config as it came with {@link Containers#create}
 * @param image which image it runs
 * @param user whom its program runs as
 * @param stopSignal the number of the signal that {@link Containers#stop} sends first
 * @param logPath absolute path of the CRI log; empty where the output is discarded
 * @param snapshotKey key of the snapshot that holds its writable layer
 */
public record ContainerStatus(
    String id,
    String sandboxId,
    ContainerConfig config,
    ContainerImage image,
    ContainerUser user,
    int stopSignal,
    Optional<Path> logPath,
    String snapshotKey,
    ContainerState state) {

  /**
   * The image of a container.
   *
   * @param id the image's id, {@code sha256:} and the digest of its configuration
   * @param name what users see: the first tag, or else the reference that was asked for
   * @param reference a digest reference where the image has one, or else the id
   */
  public record ContainerImage(String id, String name, String reference) {}
}
