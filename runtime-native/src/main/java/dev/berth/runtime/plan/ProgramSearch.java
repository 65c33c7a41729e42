package dev.berth.runtime.plan;

import dev.berth.base.BerthException;
import dev.berth.runtime.spec.ContainerProcess;
import java.util.ArrayList;
import java.util.List;

/** Where a process's program is looked for inside the container, as execvp(3) would. */
final class ProgramSearch {
  private static final String VARIABLE = "PATH=";
  private static final String DEFAULT_PATH =
      "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

  private ProgramSearch() {}

  /**
   * Returns the paths to try in order: a name with a slash is a path, any other is looked for in
   * the container's PATH, of which the last one given counts.
   *
   * @throws BerthException INVALID_ARGUMENT without arguments
   */
  static List<String> candidates(ContainerProcess process) {
    if (process.args().isEmpty()) {
      throw new BerthException(BerthException.Kind.INVALID_ARGUMENT, "process.args: is empty");
    }
    String name = process.args().getFirst();
    if (name.isEmpty() || name.contains("/")) {
      return List.of(name);
    }
    List<String> paths = new ArrayList<>();
    for (String folder : searchPath(process.env()).split(":", -1)) {
      paths.add((folder.isEmpty() ? "." : folder) + "/" + name);
    }
    return paths;
  }

  private static String searchPath(List<String> environment) {
    return environment.stream()
        .filter(entry -> entry.startsWith(VARIABLE))
        .reduce((earlier, later) -> later)
        .map(entry -> entry.substring(VARIABLE.length()))
        .orElse(DEFAULT_PATH);
  }
}
