package dev.berth.runtime.cli;

import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;

import dev.berth.base.BerthException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import org.jspecify.annotations.Nullable;

/** The file of {@code --pid-file}, whose reader may come at any moment. */
final class PidFile {
  private PidFile() {}

  /**
   * Writes a number, all of it or nothing.
   *
   * @param file null if nobody wants it
   */
  static void write(@Nullable Path file, int pid) {
    if (file == null) {
      return;
    }
    try {
      Path next = file.resolveSibling("." + file.getFileName());
      Files.writeString(next, Integer.toString(pid));
      Files.move(next, file, StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException e) {
      throw new BerthException(
          INVALID_ARGUMENT, "--pid-file " + file + ": cannot be written: " + e, e);
    }
  }
}
