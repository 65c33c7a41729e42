package dev.berth.runtime.checkpoint;

import static dev.berth.base.BerthException.Kind.FAILED_PRECONDITION;

import dev.berth.base.BerthException;
import dev.berth.runtime.cgroup.Cgroup;
import dev.berth.runtime.task.Task;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/**
 * What the kernel says about a container that is to be dumped.
 *
 * @param pid of its first process
 * @param freezer its directory in the hierarchy that can freeze it
 * @param namespaces inode of each namespace, by the type as /proc/PID/ns calls it
 * @param openFiles open files that none of its mounts has
 */
record DumpFacts(
    int pid,
    Optional<Path> freezer,
    MountTable mounts,
    Map<String, Long> namespaces,
    Set<External.File> openFiles) {
  private static final Path PROC = Path.of("/proc");
  private static final List<String> NAMESPACES = List.of("net", "pid");

  DumpFacts {
    namespaces = Map.copyOf(namespaces);
  }

  /**
   * Looks at a container, which may go on meanwhile: what it was started with stays the same.
   *
   * @throws BerthException FAILED_PRECONDITION if it has ended
   */
  static DumpFacts read(Task task) {
    Path process = PROC.resolve(Integer.toString(task.pid()));
    try {
      MountTable mounts = MountTable.parse(Files.readString(process.resolve("mountinfo")));
      Map<String, Long> namespaces = new LinkedHashMap<>();
      for (String type : NAMESPACES) {
        namespaces.put(type, inode(process.resolve("ns").resolve(type)));
      }
      Set<External.File> files = new LinkedHashSet<>();
      for (int pid : new TreeSet<>(task.pids())) {
        files.addAll(filesFromOutside(PROC.resolve(Integer.toString(pid)), mounts.ids()));
      }
      Optional<Path> freezer = task.cgroup().flatMap(DumpFacts::freezer);
      return new DumpFacts(task.pid(), freezer, mounts, namespaces, files);
    } catch (IOException e) {
      throw new BerthException(
          FAILED_PRECONDITION, "container " + task.id() + ": cannot be looked at: " + e, e);
    }
  }

  /** On v1 the hierarchy with the freezer, on v2 the only one, which has no name. */
  private static Optional<Path> freezer(Cgroup group) {
    return group.directories().entrySet().stream()
        .filter(entry ->
            entry.getKey().isEmpty() || List.of(entry.getKey().split(",")).contains("freezer"))
        .map(entry -> Path.of(entry.getValue()))
        .findFirst();
  }

  private static Set<External.File> filesFromOutside(Path process, Set<Integer> mountIds)
      throws IOException {
    Set<External.File> files = new LinkedHashSet<>();
    try (DirectoryStream<Path> open = Files.newDirectoryStream(process.resolve("fd"))) {
      for (Path descriptor : open) {
        fileFromOutside(process, descriptor, mountIds).ifPresent(files::add);
      }
    } catch (java.nio.file.NoSuchFileException e) {
      return Set.of(); // the process has ended meanwhile
    }
    return files;
  }

  private static Optional<External.File> fileFromOutside(
      Path process, Path descriptor, Set<Integer> mountIds) throws IOException {
    try {
      if (!Files.readSymbolicLink(descriptor).isAbsolute()) {
        return Optional.empty(); // a pipe, a socket: no mount has them
      }
      Path info = process.resolve("fdinfo").resolve(descriptor.getFileName());
      int mountId = mountId(Files.readString(info));
      return mountIds.contains(mountId)
          ? Optional.empty()
          : Optional.of(new External.File(mountId, inode(descriptor)));
    } catch (java.nio.file.NoSuchFileException e) {
      return Optional.empty(); // closed meanwhile
    }
  }

  private static int mountId(String fdinfo) throws IOException {
    return fdinfo
        .lines()
        .filter(line -> line.startsWith("mnt_id:"))
        .map(line -> Integer.parseInt(line.substring("mnt_id:".length()).strip()))
        .findFirst()
        .orElseThrow(() -> new IOException("fdinfo without mnt_id"));
  }

  private static long inode(Path link) throws IOException {
    return (long) Files.getAttribute(link, "unix:ino");
  }
}
