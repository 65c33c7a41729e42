package dev.berth.sandbox.spec;

import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;
import static dev.berth.base.BerthException.Kind.UNIMPLEMENTED;

import dev.berth.base.AtomicFiles;
import dev.berth.base.BerthException;
import dev.berth.base.Ids;
import dev.berth.proto.cri.v1.Mount;
import dev.berth.proto.cri.v1.MountPropagation;
import dev.berth.runtime.spec.IdMappings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Looks at the sources of the mounts that CRI asks for: resolves symbolic links, makes what is
 * missing, and checks that the host's mounts allow the propagation.
 *
 * <p>The sources are the node's own paths, named by the kubelet; what lies inside the container is
 * not looked at here.
 */
public final class HostMounts {
  private HostMounts() {}

  /**
   * Returns the mounts of a container, in the order given.
   *
   * <p>A missing source is created as a directory of mode 0755, as all runtimes do although CRI
   * says otherwise: hostPath volumes of no type rely on it.
   *
   * @param imageVolumes what is to be bound where a mount is of an image, by the mount's index
   * @throws BerthException INVALID_ARGUMENT or UNIMPLEMENTED naming the mount
   */
  public static List<BoundMount> resolve(List<Mount> mounts, Map<Integer, Path> imageVolumes) {
    List<BoundMount> resolved = new ArrayList<>();
    for (Mount mount : mounts) {
      String field = "mounts[" + resolved.size() + "] " + Ids.printable(mount.getContainerPath());
      Path volume = imageVolumes.get(resolved.size());
      resolved.add(volume == null ? resolve(field, mount) : image(field, mount, volume));
    }
    return resolved;
  }

  private static BoundMount image(String field, Mount mount, Path volume) {
    requireSupported(field, mount);
    return new BoundMount(
        volume,
        destination(field, mount.getContainerPath()),
        BoundMount.Access.READ_ONLY,
        BoundMount.Propagation.PRIVATE,
        IdMappings.NONE); // its layers are mapped already
  }

  private static BoundMount resolve(String field, Mount mount) {
    requireSupported(field, mount);
    String destination = destination(field, mount.getContainerPath());
    BoundMount.Access access = access(field, mount);
    Path source = source(field, mount.getHostPath());
    BoundMount.Propagation propagation = propagation(field, mount.getPropagation());
    if (propagation != BoundMount.Propagation.PRIVATE) {
      MountPeers.require(field, source, propagation);
    }
    return new BoundMount(source, destination, access, propagation, ids(field, mount));
  }

  private static void requireSupported(String field, Mount mount) {
    if (mount.getMountOptionsCount() > 0) {
      throw new BerthException(UNIMPLEMENTED, field + ": mount_options are not implemented");
    }
  }

  private static IdMappings ids(String field, Mount mount) {
    if ((mount.getUidMappingsCount() > 0) != (mount.getGidMappingsCount() > 0)) {
      throw new BerthException(
          INVALID_ARGUMENT, field + ": only one of uidMappings and gidMappings is given");
    }
    return new IdMappings(
        CriMappings.of(mount.getUidMappingsList()), CriMappings.of(mount.getGidMappingsList()));
  }

  /** Only a clean path can be compared with those of the default mounts. */
  private static String destination(String field, String path) {
    if (!path.startsWith("/")) {
      throw new BerthException(INVALID_ARGUMENT, field + ": container_path is not absolute");
    }
    CommandPart.requireText(field, path);
    Path clean = Path.of(path).normalize();
    if (clean.equals(Path.of("/"))) {
      throw new BerthException(INVALID_ARGUMENT, field + ": container_path is the root itself");
    }
    return clean.toString();
  }

  private static BoundMount.Access access(String field, Mount mount) {
    if (!mount.getRecursiveReadOnly()) {
      return mount.getReadonly() ? BoundMount.Access.READ_ONLY : BoundMount.Access.READ_WRITE;
    }
    if (!mount.getReadonly()) {
      throw new BerthException(INVALID_ARGUMENT, field + ": recursive_read_only needs readonly");
    }
    if (mount.getPropagation() != MountPropagation.PROPAGATION_PRIVATE) {
      throw new BerthException(
          INVALID_ARGUMENT, field + ": recursive_read_only needs private propagation");
    }
    return BoundMount.Access.RECURSIVELY_READ_ONLY;
  }

  private static Path source(String field, String path) {
    if (!path.startsWith("/")) {
      throw new BerthException(
          INVALID_ARGUMENT, field + ": host_path \"" + Ids.printable(path) + "\" is not absolute");
    }
    Path source = Path.of(CommandPart.requireText(field, path));
    try {
      if (!Files.exists(source)) {
        AtomicFiles.createSharedDirectories(source);
      }
      return source.toRealPath();
    } catch (IOException e) {
      throw new BerthException(
          INVALID_ARGUMENT, field + ": host_path " + Ids.printable(path) + ": " + e, e);
    }
  }

  private static BoundMount.Propagation propagation(String field, MountPropagation wanted) {
    return switch (wanted) {
      case PROPAGATION_PRIVATE -> BoundMount.Propagation.PRIVATE;
      case PROPAGATION_HOST_TO_CONTAINER -> BoundMount.Propagation.HOST_TO_CONTAINER;
      case PROPAGATION_BIDIRECTIONAL -> BoundMount.Propagation.BIDIRECTIONAL;
      case UNRECOGNIZED ->
          throw new BerthException(INVALID_ARGUMENT, field + ": unknown propagation");
    };
  }
}
