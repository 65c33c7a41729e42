package dev.berth.runtime.task;

import static dev.berth.base.BerthException.Kind.FAILED_PRECONDITION;
import static dev.berth.base.BerthException.Kind.INTERNAL;
import static java.nio.file.StandardOpenOption.APPEND;
import static java.nio.file.StandardOpenOption.CREATE;

import dev.berth.base.BerthException;
import dev.berth.runtime.spec.IntelRdt;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/**
 * The group of the kernel's resctrl file system that a container's processes are in, which says
 * what they may use of caches and memory bandwidth ({@code linux.intelRdt}).
 *
 * <p>A group that is there already is somebody else's: it must be as the container wants it, and
 * stays. What is made is noted in the task's directory before, so that whoever removes the task
 * knows. Of a group that several containers can name the last one's going is not awaited: the one
 * that made it removes it if nobody else is in it then.
 */
final class ResourceGroup {
  private static final String FIELD = "linux.intelRdt";

  private final Path root;
  private final Path directory;
  private final Path monitored;
  private final IntelRdt wanted;

  /**
   * @param root where resctrl is mounted
   */
  ResourceGroup(Path root, IntelRdt wanted, String containerId) {
    String closId = wanted.closID() == null ? containerId : wanted.closID();
    this.root = root;
    this.wanted = wanted;
    this.directory = closId.equals("/") ? root : root.resolve(closId);
    this.monitored = directory.resolve("mon_groups").resolve(containerId);
  }

  /**
   * Makes what is missing of it.
   *
   * @param task where that is noted; {@link #remove} undoes it, also if this has failed
   * @throws BerthException FAILED_PRECONDITION naming the field
   */
  void create(TaskDirectory task) {
    List<String> schemata = Schemata.of(wanted);
    try {
      if (Files.isDirectory(directory)) {
        requireAsWanted(schemata);
      } else {
        make(task, schemata);
      }
      if (wanted.enableMonitoring()) {
        makeMonitored(task);
      }
    } catch (IOException e) {
      throw failed("cannot make its group", e);
    }
  }

  private void requireAsWanted(List<String> schemata) throws IOException {
    if (wanted.closID() == null) {
      throw new BerthException(
          FAILED_PRECONDITION, FIELD + ": there is a group of the container's id, " + directory);
    }
    String current = schemata.isEmpty() ? "" : Files.readString(directory.resolve("schemata"));
    if (!Schemata.allow(current, schemata)) {
      throw new BerthException(
          FAILED_PRECONDITION,
          FIELD
              + ".closID: "
              + directory
              + " exists and has other schemata: "
              + String.join(", ", current.strip().lines().map(String::strip).toList()));
    }
  }

  private void make(TaskDirectory task, List<String> schemata) throws IOException {
    if (wanted.closID() != null && schemata.isEmpty()) {
      throw new BerthException(
          FAILED_PRECONDITION,
          FIELD + ".closID: no group " + directory + ", and no schemata to make it with");
    }
    note(task, directory);
    try {
      Files.createDirectory(directory);
    } catch (FileAlreadyExistsException e) { // made by somebody else in this moment
      Files.delete(task.resourceGroups());
      requireAsWanted(schemata);
      return;
    }
    if (!schemata.isEmpty()) {
      String lines = String.join("\n", schemata) + "\n";
      Files.writeString(directory.resolve("schemata"), lines);
    }
  }

  private void makeMonitored(TaskDirectory task) throws IOException {
    if (Files.isDirectory(monitored)) {
      throw new BerthException(
          FAILED_PRECONDITION, FIELD + ".enableMonitoring: " + monitored + " is somebody else's");
    }
    note(task, monitored);
    Files.createDirectory(monitored);
  }

  /** Puts a process into it that has one thread; what that starts will be in it too. */
  void add(int pid) {
    try {
      addTo(directory, pid);
      if (wanted.enableMonitoring()) {
        addTo(monitored, pid);
      }
    } catch (IOException e) {
      throw failed("cannot put process " + pid + " into its group", e);
    }
  }

  private static void addTo(Path group, int pid) throws IOException {
    Files.writeString(group.resolve("tasks"), pid + "\n", CREATE, APPEND);
  }

  private BerthException failed(String what, IOException e) {
    return new BerthException(
        FAILED_PRECONDITION, FIELD + ": " + what + ": " + e + lastStatus(), e);
  }

  /** The kernel's own words about the last write or mkdir that failed. */
  private String lastStatus() {
    try {
      return ", " + Files.readString(root.resolve("info/last_cmd_status")).strip();
    } catch (IOException e) {
      return ""; // it says no more than the error does then
    }
  }

  private static void note(TaskDirectory task, Path group) throws IOException {
    Files.writeString(task.resourceGroups(), group + "\n", CREATE, APPEND);
  }

  /** Removes the groups that were made for a task whose processes are gone. Idempotent. */
  static void remove(TaskDirectory task) {
    if (!Files.exists(task.resourceGroups())) {
      return;
    }
    try {
      for (String group : Files.readAllLines(task.resourceGroups()).reversed()) {
        remove(task, Path.of(group));
      }
      Files.delete(task.resourceGroups());
    } catch (IOException e) {
      throw new BerthException(INTERNAL, FIELD + ": cannot remove the group: " + e, e);
    }
  }

  private static void remove(TaskDirectory task, Path group) throws IOException {
    boolean ownAlone = group.endsWith(task.path().getFileName());
    if (ownAlone || !isUsed(group)) {
      Files.deleteIfExists(group);
    }
  }

  private static boolean isUsed(Path group) throws IOException {
    Path tasks = group.resolve("tasks");
    return (Files.exists(tasks) && !Files.readString(tasks).isBlank())
        || hasEntries(group.resolve("mon_groups"));
  }

  private static boolean hasEntries(Path directory) throws IOException {
    if (!Files.isDirectory(directory)) {
      return false;
    }
    try (Stream<Path> entries = Files.list(directory)) {
      return entries.findAny().isPresent();
    }
  }
}
