package dev.berth.image;

import java.nio.file.Path;
import java.util.List;

/**
 * The root file system of a container, ready to be mounted.
 *
 * @param key whose it is
 * @param mounts to be made at the root, in order
 * @param upperDir where the container's own changes go; null-free: for a read-only view it is the
 *     empty top layer
 */
public record PreparedRootfs(String key, List<MountSpec> mounts, Path upperDir) {
  public PreparedRootfs {
    mounts = List.copyOf(mounts);
  }
}
