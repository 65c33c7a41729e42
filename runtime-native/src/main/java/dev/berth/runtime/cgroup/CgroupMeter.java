package dev.berth.runtime.cgroup;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.berth.base.BerthException;
import dev.berth.base.BerthException.Kind;
import dev.berth.runtime.kernel.ControlTree;
import dev.berth.runtime.kernel.Fd;
import dev.berth.runtime.kernel.ReadBuffer;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;

/**
 * Reads what a group uses, again and again, from files that it keeps open: that takes a sixth of
 * the time of finding them each time.
 *
 * <p>An open file costs a descriptor and some 5 KB of the kernel's memory, so whoever keeps meters
 * closes those that are not read any more. Closing is idempotent, and a closed meter is closed for
 * good. One whose group is gone holds nothing after the next attempt to read. Thread-safe.
 */
public final class CgroupMeter implements AutoCloseable {
  /** The most files that one meter holds. */
  public static final int MOST_FILES = 10;

  private final CgroupPath path;
  private final Function<String, Optional<ControlTree>> trees;
  private final Function<StatFiles, Optional<CgroupStats>> layout;

  @GuardedBy("this") private final Map<String, Fd> open = new HashMap<>();

  @GuardedBy("this") private boolean closed;

  /**
   * @param trees the hierarchy of a controller
   * @param layout finds the figures in the files; empty if there is none of them
   */
  CgroupMeter(
      CgroupPath path,
      Function<String, Optional<ControlTree>> trees,
      Function<StatFiles, Optional<CgroupStats>> layout) {
    this.path = path;
    this.trees = trees;
    this.layout = layout;
  }

  /**
   * Reads what the group uses now.
   *
   * @param buffer what to read with; not in use by another thread
   * @throws BerthException NOT_FOUND if the group is gone, or the meter closed
   */
  public synchronized CgroupStats stats(ReadBuffer buffer) {
    Optional<CgroupStats> stats =
        closed
            ? Optional.empty()
            : layout.apply((controller, file) -> read(controller, file, buffer));
    if (stats.isEmpty()) {
      closeFiles();
      throw new BerthException(Kind.NOT_FOUND, "there is no cgroup " + path);
    }
    return stats.get();
  }

  private synchronized StatText read(String controller, String file, ReadBuffer buffer) {
    Fd known = open.get(file);
    if (known != null) {
      if (buffer.read(known)) {
        return StatText.of(buffer.bytes(), buffer.length());
      }
      open.remove(file);
      known.close(); // of a group that was removed; there may be a new one of that name
    }
    Optional<Fd> found =
        trees.apply(controller).flatMap(tree -> tree.openToReadIfPresent(path.file(file)));
    if (found.isEmpty()) {
      return StatText.ABSENT;
    }
    if (!buffer.read(found.get())) {
      found.get().close();
      return StatText.ABSENT;
    }
    open.put(file, found.get());
    return StatText.of(buffer.bytes(), buffer.length());
  }

  /** Returns how many files it holds now. */
  public synchronized int openFiles() {
    return open.size();
  }

  @Override
  public synchronized void close() {
    closed = true;
    closeFiles();
  }

  private synchronized void closeFiles() {
    open.values().forEach(Fd::close);
    open.clear();
  }

  /** Reads each file through a descriptor of its own: for what is rarely asked for. */
  static StatFiles once(CgroupPath path, Function<String, Optional<ControlTree>> trees) {
    var buffer = new ReadBuffer();
    return (controller, file) -> {
      Optional<Fd> found =
          trees.apply(controller).flatMap(tree -> tree.openToReadIfPresent(path.file(file)));
      if (found.isEmpty()) {
        return StatText.ABSENT;
      }
      try (Fd opened = found.get()) {
        return buffer.read(opened) ? StatText.of(buffer.bytes(), buffer.length()) : StatText.ABSENT;
      }
    };
  }
}
