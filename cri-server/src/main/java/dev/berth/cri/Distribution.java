package dev.berth.cri;

import static dev.berth.base.BerthException.Kind.FAILED_PRECONDITION;
import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;

import dev.berth.base.BerthException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * The programs that came with this {@code berthd}.
 *
 * @param home the directory with {@code bin} and {@code lib}
 */
record Distribution(Path home) {
  /** Set by the launchers. */
  private static final String HOME_PROPERTY = "berth.home";

  /** Returns the distribution whose launcher started this JVM. */
  static Distribution current() {
    String home = System.getProperty(HOME_PROPERTY);
    if (home == null) {
      throw new BerthException(
          FAILED_PRECONDITION, "-D" + HOME_PROPERTY + " is not set; start berthd by bin/berthd");
    }
    return new Distribution(Path.of(home));
  }

  /** Returns berth-init, which must be there. */
  Path berthInit() {
    Path program = bin().resolve("berth-init");
    if (!Files.isExecutable(program)) {
      throw new BerthException(FAILED_PRECONDITION, program + " is missing");
    }
    return program;
  }

  /**
   * Finds the shim of a handler: an absolute path as it is, a name beside berthd or in PATH.
   *
   * @throws BerthException INVALID_ARGUMENT if there is none
   */
  Path shim(String handler, String pathOrName) {
    return candidates(pathOrName)
        .filter(Files::isExecutable)
        .findFirst()
        .orElseThrow(() ->
            new BerthException(
                INVALID_ARGUMENT, "handlers." + handler + ": no such shim binary: " + pathOrName));
  }

  private Stream<Path> candidates(String pathOrName) {
    if (pathOrName.startsWith("/")) {
      return Stream.of(Path.of(pathOrName));
    }
    Stream<Path> inPath =
        Optional.ofNullable(System.getenv("PATH")).stream()
            .flatMap(path -> Arrays.stream(path.split(":")))
            .filter(directory -> directory.startsWith("/"))
            .map(directory -> Path.of(directory, pathOrName));
    return Stream.concat(Stream.of(bin().resolve(pathOrName)), inPath);
  }

  private Path bin() {
    return home.resolve("bin");
  }
}
