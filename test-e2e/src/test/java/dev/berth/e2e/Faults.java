package dev.berth.e2e;

import io.grpc.Status;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;

/**
 * Makes a stage of a verb fail in a running {@code berthd}, which was started with this file.
 *
 * @param file read by {@code berthd} before each stage; there is none while nothing is to fail
 */
record Faults(Path file) {
  /** The ways in which a stage can fail, and what the caller is told then. */
  enum Action {
    FAIL("fail", Status.Code.INTERNAL),
    DISK_FULL("disk-full", Status.Code.RESOURCE_EXHAUSTED),
    /** berthd ends at once, as by kill -9. */
    HALT("halt", Status.Code.UNAVAILABLE);

    private final String word;
    private final Status.Code code;

    Action(String word, Status.Code code) {
      this.word = word;
      this.code = code;
    }

    Status.Code code() {
      return code;
    }
  }

  /** Lets every call of a verb fail as it enters a stage, until {@link #clear}. */
  void strike(String verb, Enum<?> stage, Action action) {
    try {
      Path next = file.resolveSibling(file.getFileName() + ".next");
      Files.writeString(next, verb + "." + stage.name() + " " + action.word + "\n");
      Files.move(next, file, StandardCopyOption.REPLACE_EXISTING);
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  void clear() {
    try {
      Files.deleteIfExists(file);
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }
}
