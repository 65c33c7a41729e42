package dev.berth.shim.client;

import com.google.protobuf.Any;
import dev.berth.proto.shim.types.Mount;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a shim needs to prepare a container.
 *
 * @param bundle directory of {@code config.json} and {@code rootfs}
 * @param rootfs mounts that the shim makes on {@code bundle/rootfs}; empty when the root is there
 * @param options what the shim's own kind of options is, such as {@code containerd.runc.v1.Options}
 */
public record CreateTask(
    String containerId, Path bundle, List<Mount> rootfs, TaskIo io, @Nullable Any options) {
  /** Copies the list. */
  public CreateTask {
    rootfs = List.copyOf(rootfs);
  }
}
