package dev.berth.sandbox;

import dev.berth.base.Rollback;
import dev.berth.proto.shim.types.Mount;
import dev.berth.runtime.kernel.DirFd;
import dev.berth.runtime.kernel.Fd;
import dev.berth.runtime.kernel.FileSystemContext;
import dev.berth.runtime.kernel.Mounts;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Mounts the layers of an image, with their own ids or as a user namespace sees them. A layer that
 * is mapped is a detached tree, which must stay open until the overlay of all has been made.
 */
final class LayerMounts implements AutoCloseable {
  private static final String LOWER = "lowerdir=";

  private final @Nullable Fd userNamespace;
  private final List<Fd> layers = new ArrayList<>();

  private LayerMounts(@Nullable Fd userNamespace) {
    this.userNamespace = userNamespace;
  }

  static LayerMounts plain() {
    return new LayerMounts(null);
  }

  /** Takes the user namespace over. */
  static LayerMounts mapped(Fd userNamespace) {
    return new LayerMounts(userNamespace);
  }

  /** Returns what a mount of a snapshot shows as a detached tree, closed by the caller. */
  Fd tree(Mount view) {
    return view.getType().equals("bind")
        ? layer(Path.of(view.getSource()))
        : fileSystem(view.getType(), view.getOptionsList());
  }

  private Fd fileSystem(String type, List<String> options) {
    try (FileSystemContext context = FileSystemContext.open(type)) {
      for (String option : options) {
        if (option.startsWith(LOWER)) {
          for (String layer : option.substring(LOWER.length()).split(":", -1)) {
            addLayer(context, layer);
          }
        } else {
          int equals = option.indexOf('=');
          context.set(option.substring(0, equals), option.substring(equals + 1));
        }
      }
      return context.mount(Set.of());
    }
  }

  private void addLayer(FileSystemContext overlay, String layer) {
    if (userNamespace == null) {
      overlay.set("lowerdir+", layer);
      return;
    }
    Fd tree = layer(Path.of(layer));
    layers.add(tree);
    overlay.set("lowerdir+", tree);
  }

  private Fd layer(Path directory) {
    try (var rollback = new Rollback();
        DirFd source = DirFd.open(directory)) {
      Fd tree = Mounts.cloneTree(source.fd(), false);
      rollback.onFailure("close a layer", tree::close);
      if (userNamespace != null) {
        Mounts.mapIds(tree, userNamespace, false);
      }
      rollback.commit();
      return tree;
    }
  }

  @Override
  public void close() {
    layers.forEach(Fd::close);
    if (userNamespace != null) {
      userNamespace.close();
    }
  }
}
