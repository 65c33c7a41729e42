package dev.berth.runtime.task;

import dev.berth.runtime.kernel.Descriptors;
import dev.berth.runtime.kernel.Fd;
import dev.berth.runtime.kernel.Memfd;
import java.nio.file.Path;

/**
 * A container's state as hooks read it: a file in memory that only this process can change. Not
 * thread-safe.
 */
final class StateFile implements AutoCloseable {
  private final Fd file = Memfd.create("hook-state", 0);

  /** Returns a file to be read once, with this content; the caller closes it. */
  static Fd of(byte[] content) {
    try (var state = new StateFile()) {
      state.write(content);
      return state.openForReading();
    }
  }

  /** Replaces the content. */
  void write(byte[] content) {
    Descriptors.truncate(file, 0);
    Descriptors.writeAt(file, 0, content);
  }

  /** Opens it, at its start, for somebody who may not write it; the caller closes that. */
  Fd openForReading() {
    return Descriptors.open(Path.of("/proc/self/fd", Integer.toString(file.number())));
  }

  @Override
  public void close() {
    file.close();
  }
}
