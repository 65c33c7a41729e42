package dev.berth.e2e;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * A berth-init of a node, as /proc shows it.
 *
 * @param containerId whose output it logs; empty for the stub of a command, or one in reserve
 */
record StubProcess(long pid, Optional<String> containerId) {
  private static final Path PROC = Path.of("/proc");
  private static final Pattern TASK = Pattern.compile("/tasks/([0-9a-f]{64})(/|$)");

  /** Returns the stubs of a node, the oldest first. */
  static List<StubProcess> of(BerthNode node) {
    String ofShim = "/" + node.instance() + "-shim";
    String ofPods = "/" + node.instance() + "/"; // a pause is a berth-init too
    return ProcessHandle.allProcesses()
        .map(ProcessHandle::pid)
        .filter(pid -> read(pid, "comm").equals("berth-init\n"))
        .filter(pid -> read(pid, "cgroup").contains(ofShim))
        .filter(pid -> !read(pid, "cgroup").contains(ofPods))
        .sorted(Comparator.naturalOrder())
        .map(pid -> new StubProcess(pid, task(pid)))
        .toList();
  }

  /** Returns the processes it is the parent of, each with its start, which names it for good. */
  List<String> children() {
    String children = read(pid, "task/" + pid + "/children");
    return Stream.of(children.split(" "))
        .filter(child -> !child.isBlank())
        .map(child -> identity(Long.parseLong(child)))
        .flatMap(Optional::stream)
        .toList();
  }

  /** Tells whether the process that {@link #children} named is there, and no zombie. */
  static boolean isAlive(String identity) {
    return identity(Long.parseLong(identity.substring(0, identity.indexOf('@'))))
        .equals(Optional.of(identity));
  }

  private static Optional<String> identity(long pid) {
    String stat = read(pid, "stat");
    if (stat.isEmpty()) {
      return Optional.empty();
    }
    String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ");
    return fields[0].equals("Z") ? Optional.empty() : Optional.of(pid + "@" + fields[19]);
  }

  private static Optional<String> task(long pid) {
    List<String> links = new ArrayList<>();
    try (Stream<Path> entries = Files.list(PROC.resolve(pid + "/fd"))) {
      for (Path entry : entries.toList()) {
        links.add(Files.readSymbolicLink(entry).toString());
      }
    } catch (IOException e) {
      return Optional.empty(); // it has ended
    }
    return links.stream().map(TASK::matcher).filter(Matcher::find).map(m -> m.group(1)).findFirst();
  }

  private static String read(long pid, String file) {
    try {
      return Files.readString(PROC.resolve(pid + "/" + file));
    } catch (IOException e) {
      return ""; // it has ended
    }
  }
}
