package dev.berth.runtime.task;

import dev.berth.runtime.kernel.Fd;
import dev.berth.runtime.kernel.Processes;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * What a container can leave on the host: mounts and processes.
 *
 * <p>Only what this JVM may have caused is looked at, since other tests may run beside: mounts on
 * or of the fixture's files, and its descendants, which are its children once their parents are
 * gone.
 */
final class HostState {
  private static final int SIGKILL = 9;

  private HostState() {}

  static String read(Path base) throws IOException {
    return mounts(base)
        + "\nstubs: "
        + childrenNamed("berth-init").stream()
            .map(String::valueOf)
            .collect(Collectors.joining(","));
  }

  /** The host's mounts that have to do with a directory. */
  private static String mounts(Path base) throws IOException {
    try (Stream<String> lines = Files.lines(Path.of("/proc/self/mountinfo"))) {
      return lines.filter(line -> line.contains(base.toString())).collect(Collectors.joining("\n"));
    }
  }

  /** The children of this JVM with a given name, zombies too. */
  static List<Integer> childrenNamed(String name) throws IOException {
    List<Integer> found = new ArrayList<>();
    for (int pid : children()) {
      if (command(pid).equals(name)) {
        found.add(pid);
      }
    }
    return found;
  }

  /** Kills this JVM's stubs; each is dead on return, and a zombie until its task notices. */
  static void killStubs() throws IOException {
    for (int pid : childrenNamed("berth-init")) {
      killStub(pid);
    }
  }

  /** Kills one stub; see {@link #killStubs}. */
  static void killStub(int pid) {
    try (Fd stub = Processes.open(pid).orElseThrow()) {
      Processes.signal(stub, SIGKILL);
      if (!Processes.awaitExit(stub, TaskFixture.LIMIT)) {
        throw new AssertionError("berth-init " + pid + " does not die");
      }
    }
  }

  private static List<Integer> children() throws IOException {
    List<Integer> pids = new ArrayList<>();
    try (Stream<Path> threads = Files.list(Path.of("/proc/self/task"))) {
      for (Path thread : threads.toList()) {
        for (String pid : childrenOf(thread).trim().split(" ", -1)) {
          if (!pid.isEmpty()) {
            pids.add(Integer.parseInt(pid));
          }
        }
      }
    }
    return pids.stream().sorted().toList();
  }

  private static String childrenOf(Path thread) throws IOException {
    try {
      return Files.readString(thread.resolve("children"));
    } catch (NoSuchFileException e) {
      return ""; // the thread ended while we looked
    }
  }

  private static String command(int pid) {
    try {
      return Files.readString(Path.of("/proc", Integer.toString(pid), "comm")).trim();
    } catch (IOException e) {
      return ""; // ended while we looked
    }
  }
}
