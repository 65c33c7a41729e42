package dev.berth.shim.client;

import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;
import static dev.berth.base.BerthException.Kind.NOT_FOUND;

import dev.berth.base.BerthException;
import dev.berth.base.Ids;
import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Finds the binary of a runtime's name: {@code io.containerd.runc.v2} is containerd-shim-runc-v2.
 */
final class ShimBinaries {
  private static final Pattern NAME = Pattern.compile("(?:[\\w-]+\\.)*([\\w-]+)\\.([\\w-]+)");

  private final List<Path> directories;

  ShimBinaries(List<Path> first) {
    this.directories = new ArrayList<>(first);
    String path = System.getenv("PATH");
    if (path != null) {
      Pattern.compile(File.pathSeparator)
          .splitAsStream(path)
          .filter(directory -> !directory.isEmpty())
          .forEach(directory -> directories.add(Path.of(directory)));
    }
  }

  /**
   * Finds a shim.
   *
   * @param runtime an absolute path, or a name whose last two parts name the binary
   */
  Path find(String runtime) {
    if (runtime.startsWith("/")) {
      return requireExecutable(Path.of(runtime), runtime);
    }
    Matcher name = NAME.matcher(runtime);
    if (!name.matches()) {
      throw new BerthException(
          INVALID_ARGUMENT, "not a name of a shim: \"" + Ids.printable(runtime) + "\"");
    }
    String file = "containerd-shim-" + name.group(1) + "-" + name.group(2);
    for (Path directory : directories) {
      Path candidate = directory.resolve(file).toAbsolutePath();
      if (Files.isExecutable(candidate)) {
        return candidate;
      }
    }
    throw new BerthException(
        NOT_FOUND, "shim " + file + " of runtime " + runtime + " is in none of " + directories);
  }

  private static Path requireExecutable(Path binary, String runtime) {
    if (!Files.isExecutable(binary)) {
      throw new BerthException(NOT_FOUND, "shim of runtime " + runtime + " is not executable");
    }
    return binary;
  }
}
