package dev.berth.runtime.task;

import dev.berth.base.BerthException;
import dev.berth.runtime.kernel.Fd;
import dev.berth.runtime.kernel.SealedProgram;
import java.nio.file.Files;
import java.nio.file.Path;

/** Finds berth-init and keeps the sealed copy that every stub is executed from (rule R1). */
public final class BerthInit implements AutoCloseable {
  private final Path path;
  private final Fd sealed;

  private BerthInit(Path path, Fd sealed) {
    this.path = path;
    this.sealed = sealed;
  }

  /**
   * Opens the program that the launcher names in {@code -Dberth.init=PATH}.
   *
   * @throws BerthException FAILED_PRECONDITION saying where it was looked for
   */
  public static BerthInit open() {
    String configured = System.getProperty("berth.init");
    if (configured == null) {
      throw new BerthException(
          BerthException.Kind.FAILED_PRECONDITION,
          "berth-init: the system property berth.init does not say where it is");
    }
    return open(Path.of(configured));
  }

  /** Opens the program at {@code path}; the caller closes the result. */
  public static BerthInit open(Path path) {
    if (!Files.isExecutable(path)) {
      throw new BerthException(
          BerthException.Kind.FAILED_PRECONDITION, "berth-init: " + path + " is not executable");
    }
    return new BerthInit(path.toAbsolutePath(), SealedProgram.copyOf(path));
  }

  /** Where the original lies: what a {@code binary://} log URI names. */
  public Path path() {
    return path;
  }

  Fd sealed() {
    return sealed;
  }

  @Override
  public void close() {
    sealed.close();
  }
}
