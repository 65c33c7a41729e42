package dev.berth.runtime.cgroup;

import static java.lang.System.Logger.Level.DEBUG;

import dev.berth.runtime.kernel.Fd;
import dev.berth.runtime.kernel.FileSystemContext;
import dev.berth.runtime.kernel.NativeException;
import java.util.Optional;
import java.util.Set;

/**
 * Makes the kernel move processes between v1 groups at once.
 *
 * <p>A move takes a lock for which the kernel waits out an RCU grace period, 7 to 10 ms, unless a
 * hierarchy is mounted with {@code favordynmods} (since Linux 6.0): then forks and exits are a
 * little dearer and moves cost microseconds. The lock is one for all hierarchies, so a hierarchy of
 * our own without controllers does, mounted nowhere and gone with its last descriptor. On v2 a
 * process is born in its group, which takes no such lock.
 */
public final class FavoredMoves implements AutoCloseable {
  private static final System.Logger LOG = System.getLogger(FavoredMoves.class.getName());

  /** Shared by all instances on a host. */
  private static final String HIERARCHY = "berth";

  private final Optional<Fd> hierarchy;

  private FavoredMoves(Optional<Fd> hierarchy) {
    this.hierarchy = hierarchy;
  }

  /** Favors moves until closed; does nothing on v2 or where the kernel does not know how. */
  public static FavoredMoves hold(Cgroups cgroups) {
    return new FavoredMoves(
        cgroups.version() == Cgroups.Version.V1 ? mount() : Optional.<Fd>empty());
  }

  private static Optional<Fd> mount() {
    try (FileSystemContext context = FileSystemContext.open("cgroup")) {
      context.flag("none").set("name", HIERARCHY).flag("favordynmods");
      return Optional.of(context.mount(Set.of()));
    } catch (NativeException e) {
      LOG.log(DEBUG, () -> "moves between cgroups stay slow: " + e.getMessage());
      return Optional.empty();
    }
  }

  /** Whether it has an effect. */
  public boolean isActive() {
    return hierarchy.isPresent();
  }

  @Override
  public void close() {
    hierarchy.ifPresent(Fd::close);
  }
}
