package dev.berth.sandbox;

import static dev.berth.base.BerthException.Kind.INTERNAL;

import dev.berth.base.BerthException;
import dev.berth.proto.shim.types.Mount;
import dev.berth.runtime.spec.IdMappings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.List;

/**
 * Asks the shim for a root file system that a pod's user namespace sees as its own: the layers are
 * id-mapped while they are mounted, so no file of an image changes hands. Only the directory of
 * what the container writes belongs to the pod's root.
 */
final class MappedLayers {
  private static final String UPPER = "upperdir=";

  private MappedLayers() {}

  /** Returns the mounts with the mappings, in the form that containerd and its shims use. */
  static List<Mount> of(List<Mount> mounts, IdMappings ids) {
    return ids.isEmpty() ? mounts : mounts.stream().map(mount -> of(mount, ids)).toList();
  }

  private static Mount of(Mount mount, IdMappings ids) {
    if (mount.getType().equals("bind")) { // an image without layers: all is the container's own
      give(Path.of(mount.getSource()), ids);
      return mount;
    }
    mount.getOptionsList().stream()
        .filter(option -> option.startsWith(UPPER))
        .forEach(option -> give(Path.of(option.substring(UPPER.length())), ids));
    return mount.toBuilder().addAllOptions(ids.toMountOptions()).build();
  }

  /**
   * Makes the pod's root the owner of a file or directory, which is not followed if it is a link.
   */
  static void give(Path path, IdMappings ids) {
    try {
      Files.setAttribute(path, "unix:uid", (int) ids.hostUid(0), LinkOption.NOFOLLOW_LINKS);
      Files.setAttribute(path, "unix:gid", (int) ids.hostGid(0), LinkOption.NOFOLLOW_LINKS);
    } catch (IOException e) {
      throw new BerthException(INTERNAL, "cannot give " + path + " to the pod's root: " + e, e);
    }
  }
}
