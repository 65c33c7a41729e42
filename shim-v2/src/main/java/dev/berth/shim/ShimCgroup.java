package dev.berth.shim;

import static java.lang.System.Logger.Level.INFO;
import static java.lang.System.Logger.Level.WARNING;

import dev.berth.base.BerthException;
import dev.berth.runtime.cgroup.Cgroup;
import dev.berth.runtime.cgroup.Cgroups;
import dev.berth.runtime.spec.Resources;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/**
 * The control group of the shim and, because children are born into it, of all stubs: neither the
 * limits of a pod nor a restart of the runtime's service, which ends its whole group, may hit them.
 *
 * <p>Where v1 controllers are used and a v2 hierarchy stands beside them, systemd follows services
 * by that one; so the group is made there too. A shim that may not make groups serves all the same,
 * from where it was started, and says so in its log.
 */
final class ShimCgroup implements AutoCloseable {
  private static final System.Logger LOG = System.getLogger(ShimCgroup.class.getName());
  private static final Path HIERARCHIES = Path.of("/sys/fs/cgroup");
  private static final Path UNIFIED_BESIDE_V1 = HIERARCHIES.resolve("unified");
  private static final String PROCS = "cgroup.procs";
  private static final Resources NO_LIMITS = Resources.builder().build();
  private static final Duration LIMIT = Duration.ofSeconds(1);

  private final Cgroup group;
  private final String path;
  private final List<Path> roots = new ArrayList<>();

  private ShimCgroup(Cgroup group, String path) {
    this.group = group;
    this.path = path;
  }

  /**
   * Moves this process into a group, made if missing.
   *
   * @param path of the group: absolute and below the roots of the hierarchies, or a scope of
   *     systemd as {@code slice:prefix:name}
   */
  static ShimCgroup enter(Cgroups cgroups, String path) {
    var entered = new ShimCgroup(cgroups.named(path), path);
    try {
      entered.enter();
      LOG.log(INFO, () -> "in the control group " + path);
    } catch (BerthException | IOException e) {
      LOG.log(
          WARNING,
          "not in the control group "
              + path
              + ", so a restart of the runtime's service may end this shim: "
              + e.getMessage());
    }
    return entered;
  }

  private void enter() throws IOException {
    create();
    group.add(ProcessHandle.current().pid());
    group.directories().keySet().forEach(name -> roots.add(HIERARCHIES.resolve(name)));
    if (Files.exists(UNIFIED_BESIDE_V1.resolve(PROCS))) {
      Path beside = Files.createDirectories(unifiedGroup());
      writeSelf(beside);
      roots.add(UNIFIED_BESIDE_V1);
    }
  }

  /** One with processes is not ours to take, unless they are a predecessor's stubs. */
  private void create() {
    try {
      group.create(NO_LIMITS, ProcessHandle.current()::pid);
    } catch (BerthException e) {
      if (!group.isPopulated()) {
        throw e;
      }
    }
  }

  private Path unifiedGroup() {
    return UNIFIED_BESIDE_V1.resolve(group.path().relative());
  }

  private static void writeSelf(Path group) throws IOException {
    Files.writeString(group.resolve(PROCS), Long.toString(ProcessHandle.current().pid()));
  }

  /** Moves this process to the root and removes the group, unless stubs live on in it. */
  @Override
  public void close() {
    try {
      for (Path root : roots) {
        writeSelf(root);
      }
      if (!roots.isEmpty() && !group.isPopulated()) {
        group.delete(LIMIT);
        Files.deleteIfExists(unifiedGroup());
      }
    } catch (IOException | BerthException e) {
      LOG.log(WARNING, "the shim's control group " + path + " stays", e);
    }
  }
}
