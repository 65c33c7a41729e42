package dev.berth.runtime.plan;

import java.util.List;

/** Where a container's root file system comes from. */
public sealed interface Rootfs {

  /** A directory, bound onto itself: {@code root.path} of a bundle. */
  record Directory(String path) implements Rootfs {}

  /**
   * A file system that is mounted inside the container's mount namespace only, never on the host.
   *
   * @param mountPoint an existing empty directory that it covers there
   * @param type {@code overlay}, or any other file system; {@code bind} binds the source
   * @param options as a mount's in config.json; lowerdir of an overlay is split at colons
   */
  record Mounted(String mountPoint, String type, String source, List<String> options)
      implements Rootfs {
    public Mounted {
      options = List.copyOf(options);
    }
  }
}
