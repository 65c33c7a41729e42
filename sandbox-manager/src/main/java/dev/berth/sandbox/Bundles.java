package dev.berth.sandbox;

import static dev.berth.base.BerthException.Kind.INTERNAL;

import dev.berth.base.AtomicFiles;
import dev.berth.base.BerthException;
import dev.berth.runtime.kernel.DirFd;
import dev.berth.runtime.kernel.Mounts;
import dev.berth.runtime.spec.Hooks;
import dev.berth.runtime.spec.IdMappings;
import dev.berth.runtime.spec.RuntimeSpec;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Optional;
import java.util.Set;

/** The bundles of containers: directories that hold config.json and the place of the root. */
final class Bundles {
  private static final System.Logger LOG = System.getLogger(Bundles.class.getName());
  private static final String ROOTFS = "rootfs";

  private final PodPaths paths;

  Bundles(PodPaths paths) {
    this.paths = paths;
  }

  /** Makes the bundle of a container; {@link #remove} undoes it, also half of it. */
  void create(String containerId, RuntimeSpec spec) {
    Path bundle = paths.bundle(containerId);
    try {
      AtomicFiles.createPrivateDirectories(bundle);
      // It is the root itself where nothing is mounted there, and this process's umask is strict.
      AtomicFiles.createSharedDirectories(bundle.resolve(ROOTFS));
      giveRoot(bundle, spec);
      AtomicFiles.writeVolatile(bundle.resolve("config.json"), spec.toJson());
      admitHooks(bundle, spec);
    } catch (IOException e) {
      throw new BerthException(INTERNAL, "cannot make bundle " + bundle + ": " + e, e);
    }
  }

  /** Returns the spec of a container; empty if there is no bundle, or none that can be read. */
  Optional<RuntimeSpec> spec(String containerId) {
    Path config = paths.bundle(containerId).resolve("config.json");
    try {
      return Optional.of(RuntimeSpec.parse(Files.readAllBytes(config)));
    } catch (NoSuchFileException e) {
      return Optional.empty();
    } catch (IOException | BerthException e) {
      LOG.log(System.Logger.Level.WARNING, "cannot read " + config, e);
      return Optional.empty();
    }
  }

  /** Whoever is root inside makes the mount points in it. */
  private static void giveRoot(Path bundle, RuntimeSpec spec) {
    IdMappings ids = spec.linux() == null ? IdMappings.NONE : spec.linux().idMappings();
    if (!ids.isEmpty()) {
      MappedLayers.give(bundle.resolve(ROOTFS), ids);
    }
  }

  /**
   * Hooks inside the container find its root by the bundle, and in a user namespace they are nobody
   * to the host: those whom the pod's root is in a group with may enter this bundle and read it.
   */
  private static void admitHooks(Path bundle, RuntimeSpec spec) throws IOException {
    IdMappings ids = spec.linux() == null ? IdMappings.NONE : spec.linux().idMappings();
    if (ids.isEmpty() || Hooks.of(spec.hooks()).isEmpty()) {
      return;
    }
    Files.setPosixFilePermissions(bundle.resolveSibling(""), permissions("rwx--x--x"));
    admit(bundle, ids, "rwx--x---");
    admit(bundle.resolve("config.json"), ids, "rw-r-----");
  }

  private static void admit(Path path, IdMappings ids, String mode) throws IOException {
    Files.setAttribute(path, "unix:gid", (int) ids.hostGid(0));
    Files.setPosixFilePermissions(path, permissions(mode));
  }

  private static Set<PosixFilePermission> permissions(String mode) {
    return PosixFilePermissions.fromString(mode);
  }

  /** Deletes the bundle, after taking off a root that a lost shim left mounted. Idempotent. */
  void remove(String containerId) {
    Path bundle = paths.bundle(containerId);
    if (!Files.isDirectory(bundle)) {
      return;
    }
    try (DirFd parent = DirFd.open(bundle)) {
      while (Mounts.detach(parent, ROOTFS)) {
        // until nothing is mounted there: deleting must not reach into a root file system
      }
    }
    try {
      AtomicFiles.deleteTree(bundle);
    } catch (IOException e) {
      throw new BerthException(INTERNAL, "cannot delete bundle " + bundle + ": " + e, e);
    }
  }
}
