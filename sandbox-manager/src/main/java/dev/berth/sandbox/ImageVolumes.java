package dev.berth.sandbox;

import static dev.berth.base.BerthException.Kind.INTERNAL;
import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;

import dev.berth.base.AtomicFiles;
import dev.berth.base.BerthException;
import dev.berth.base.Ids;
import dev.berth.base.MetadataStore;
import dev.berth.proto.cri.v1.ContainerConfig;
import dev.berth.proto.cri.v1.ImageSpec;
import dev.berth.proto.cri.v1.Mount;
import dev.berth.runtime.kernel.Descriptors;
import dev.berth.runtime.kernel.DirFd;
import dev.berth.runtime.kernel.Fd;
import dev.berth.runtime.kernel.MountAttribute;
import dev.berth.runtime.kernel.Mounts;
import dev.berth.runtime.kernel.NativeException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * Volumes that are images: each is mounted read-only in the state directory, for the container to
 * bind it or a part of it.
 *
 * <p>A volume is a snapshot of its own, which holds the image's layers until the container is
 * removed. Errors begin with the words by which the kubelet counts them.
 */
final class ImageVolumes {
  private static final String FAILED = "ImageVolumeMountFailed: ";
  private static final Set<MountAttribute> ATTRIBUTES =
      EnumSet.of(MountAttribute.READ_ONLY, MountAttribute.NO_DEVICES);

  private final ContainerImages images;
  private final PodPaths paths;
  private final PodNamespaces namespaces;

  ImageVolumes(ContainerImages images, PodPaths paths, PodNamespaces namespaces) {
    this.images = images;
    this.paths = paths;
    this.namespaces = namespaces;
  }

  static boolean isImage(Mount mount) {
    return !mount.getImage().getImage().isEmpty();
  }

  /**
   * Returns the configuration with every image named by its id: that is what the kubelet protects
   * from its garbage collection.
   *
   * @throws BerthException NOT_FOUND if an image is not present, INVALID_ARGUMENT if its volume is
   *     to be written to
   */
  ContainerConfig resolve(ContainerConfig config) {
    ContainerConfig.Builder resolved = config.toBuilder();
    for (int i = 0; i < config.getMountsCount(); i++) {
      Mount mount = config.getMounts(i);
      if (isImage(mount)) {
        String field = field(i, mount);
        if (!mount.getReadonly()) {
          throw new BerthException(INVALID_ARGUMENT, field + ": an image volume must be readonly");
        }
        resolved.setMounts(i, mount.toBuilder().setImage(resolve(field, mount.getImage())));
      }
    }
    return resolved.build();
  }

  private ImageSpec resolve(String field, ImageSpec image) {
    String id = require(field, image).identity().id();
    return image.toBuilder().setImage(id).setImageRef(id).build();
  }

  private ContainerImages.Image require(String field, ImageSpec image) {
    try {
      return images.require(image.getImage());
    } catch (BerthException e) {
      throw e.during(field);
    }
  }

  /** Adds to a batch what lets {@link #remove} find volumes that a crash left half made. */
  void intend(MetadataStore.Batch batch, ContainerRecord container) {
    forEach(
        container,
        (index, mount) ->
            images.intend(
                batch, key(container, index), require(field(index, mount), mount.getImage())));
  }

  /**
   * Mounts the volumes of a container and returns what to bind, by the index of its mount. {@link
   * #remove} undoes it, also half of it.
   *
   * @throws BerthException INVALID_ARGUMENT if a sub path is not in the image
   */
  Map<Integer, Path> mount(ContainerRecord container, SandboxRecord sandbox) {
    boolean mapped = !PodIds.of(sandbox.config()).isEmpty();
    Map<Integer, Path> sources = new TreeMap<>();
    forEach(
        container,
        (index, mount) -> {
          try (LayerMounts layers =
              mapped
                  ? LayerMounts.mapped(namespaces.openUser(sandbox.id()))
                  : LayerMounts.plain()) {
            sources.put(index, mount(container, index, mount, layers));
          } catch (IOException | NativeException e) {
            throw new BerthException(INTERNAL, field(index, mount) + ": " + e.getMessage(), e);
          }
        });
    return sources;
  }

  private Path mount(ContainerRecord container, int index, Mount mount, LayerMounts layers)
      throws IOException {
    Path directory = paths.volumes(container.id());
    AtomicFiles.createPrivateDirectories(directory);
    String name = Integer.toString(index);
    var view = images.view(key(container, index), require(field(index, mount), mount.getImage()));
    try (DirFd parent = DirFd.open(directory);
        Fd target = parent.makeDirectories(name, 0755);
        Fd tree = layers.tree(view)) {
      Mounts.setAttributes(tree, ATTRIBUTES, Set.of(), true);
      Mounts.attach(tree, target);
      return part(field(index, mount), DirFd.own(tree), mount.getImageSubPath());
    }
  }

  /** Symbolic links of the image lead to places in the image: nothing of the host is reached. */
  private static Path part(String field, DirFd root, String subPath) throws IOException {
    if (Path.of("/").resolve(subPath).normalize().equals(Path.of("/"))) {
      return Descriptors.locate(root.fd());
    }
    try (Fd place = root.place(subPath)) {
      return Descriptors.locate(place);
    } catch (NativeException e) {
      throw new BerthException(
          INVALID_ARGUMENT,
          field
              + ": image_sub_path \""
              + Ids.printable(subPath)
              + "\" is not in the image: "
              + e.getMessage(),
          e);
    }
  }

  /** Unmounts the volumes of a container and gives up their layers. Idempotent. */
  void remove(ContainerRecord container) {
    unmount(container);
    forEach(container, (index, _) -> images.remove(key(container, index)));
  }

  /** Unmounts the volumes of a container, which keeps their layers. Idempotent. */
  void unmount(ContainerRecord container) {
    Path directory = paths.volumes(container.id());
    if (Files.isDirectory(directory)) {
      try (DirFd parent = DirFd.open(directory)) {
        forEach(
            container,
            (index, _) -> {
              while (Mounts.detach(parent, Integer.toString(index))) {
                // until nothing is mounted there
              }
            });
        AtomicFiles.deleteTree(directory);
      } catch (IOException e) {
        throw new BerthException(INTERNAL, "cannot delete " + directory + ": " + e, e);
      }
    }
  }

  /** Returns where the volumes of a container are mounted. */
  static Set<Path> mounts(PodPaths paths, ContainerRecord container) {
    Set<Path> mounts = new HashSet<>();
    Path directory = paths.volumes(container.id());
    forEach(container, (index, _) -> mounts.add(directory.resolve(Integer.toString(index))));
    return mounts;
  }

  /** Returns the keys of the snapshots that are volumes of a container. */
  static Set<String> keys(ContainerRecord container) {
    Set<String> keys = new HashSet<>();
    forEach(container, (index, _) -> keys.add(key(container, index)));
    return keys;
  }

  private interface Each {
    void accept(int index, Mount mount);
  }

  private static void forEach(ContainerRecord container, Each each) {
    for (int i = 0; i < container.config().getMountsCount(); i++) {
      if (isImage(container.config().getMounts(i))) {
        each.accept(i, container.config().getMounts(i));
      }
    }
  }

  private static String key(ContainerRecord container, int index) {
    return container.id() + "-volume-" + index;
  }

  private static String field(int index, Mount mount) {
    return FAILED + "mounts[" + index + "] " + Ids.printable(mount.getContainerPath());
  }
}
