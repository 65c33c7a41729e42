package dev.berth.sandbox;

import static java.util.Objects.requireNonNull;

import dev.berth.base.BerthException;
import dev.berth.proto.shim.types.Mount;
import dev.berth.runtime.kernel.Fd;
import dev.berth.runtime.kernel.NamespaceType;
import dev.berth.runtime.spec.IdMapping;
import dev.berth.runtime.spec.IdMappings;
import dev.berth.runtime.task.BerthInit;
import dev.berth.runtime.task.UserNamespaces;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Finds out whether pods can have user namespaces here: by making one, and an overlay whose layers
 * are mapped to it. The kernel takes detached layers since 6.15, and the file systems of both
 * directories must allow it. Asked once, when first wanted. Thread-safe.
 */
final class UserNamespaceSupport {
  private static final System.Logger LOG = System.getLogger(UserNamespaceSupport.class.getName());
  private static final List<IdMapping> ANY = List.of(new IdMapping(0, 65_536, 65_536));

  private final Path program;
  private final List<Path> directories;
  private @Nullable Boolean supported;

  /**
   * @param program absolute path of berth-init
   * @param directories two existing ones, as they are to be mapped later
   */
  UserNamespaceSupport(Path program, Path... directories) {
    this.program = program;
    this.directories = List.of(directories);
  }

  synchronized boolean isThere() {
    if (supported == null) {
      supported = probe();
    }
    return supported;
  }

  private boolean probe() {
    try (BerthInit init = BerthInit.open(program)) {
      Fd user =
          new UserNamespaces(init)
              .create(new IdMappings(ANY, ANY), Set.of())
              .get(NamespaceType.USER);
      try (LayerMounts layers = LayerMounts.mapped(requireNonNull(user))) {
        layers.tree(overlay()).close();
        return true;
      }
    } catch (BerthException e) {
      LOG.log(System.Logger.Level.INFO, "pods cannot have user namespaces: " + e.getMessage());
      return false;
    }
  }

  private Mount overlay() {
    String lower = String.join(":", directories.stream().map(Path::toString).toList());
    return Mount.newBuilder().setType("overlay").addOptions("lowerdir=" + lower).build();
  }
}
