package dev.berth.runtime.task;

import dev.berth.runtime.kernel.Fd;
import java.util.ArrayDeque;
import java.util.Collections;
import java.util.Deque;
import java.util.HashMap;
import java.util.Map;

/** Descriptors by the names a plan gives them; closes all that are still its own. */
final class OpenFiles implements AutoCloseable {
  private final Map<String, Fd> byName = new HashMap<>();
  private final Deque<Fd> owned = new ArrayDeque<>();

  /** Adds a descriptor and takes ownership. */
  Fd add(String name, Fd fd) {
    byName.put(name, fd);
    owned.push(fd);
    return fd;
  }

  /** Adds a descriptor that someone else owns and keeps open long enough. */
  void lend(String name, Fd fd) {
    byName.put(name, fd);
  }

  Map<String, Fd> byName() {
    return Collections.unmodifiableMap(byName);
  }

  @Override
  public void close() {
    owned.forEach(Fd::close);
  }
}
