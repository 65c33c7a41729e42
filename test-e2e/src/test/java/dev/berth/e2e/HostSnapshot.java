package dev.berth.e2e;

import dev.berth.testing.Await;
import java.io.IOException;
import java.nio.file.FileVisitOption;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Predicate;
import java.util.function.Supplier;
import java.util.stream.Stream;

/**
 * Everything on the host that a runtime could leave behind: mounts, network namespaces, links,
 * nftables tables, cgroups, processes and files, and what its own processes hold, one text each.
 *
 * <p>Other programs make such things too. Unless the environment says {@code BERTH_E2E_WHOLE_HOST},
 * only what has one of the marks of a node in it counts: the names and paths of the instance under
 * test.
 */
final class HostSnapshot {
  private static final Duration LIMIT = Duration.ofSeconds(5);
  private static final Duration REST = Duration.ofMillis(100);
  private static final boolean WHOLE_HOST = System.getenv("BERTH_E2E_WHOLE_HOST") != null;

  private final Supplier<List<String>> look;
  private final List<String> things;

  private HostSnapshot(Supplier<List<String>> look) {
    this.look = look;
    this.things = atRest(look);
  }

  /**
   * Looks until nothing has changed for a moment: the shim spawns what it will need next after it
   * has answered, and a process between its fork and its exec looks like another JVM.
   */
  private static List<String> atRest(Supplier<List<String>> look) {
    var last = new AtomicReference<List<String>>(List.of());
    var since = new AtomicReference<>(Instant.now());
    Await.until(
        "the host is at rest",
        LIMIT,
        () -> {
          List<String> now = look.get();
          if (!now.equals(last.getAndSet(now))) {
            since.set(Instant.now());
          }
          return since.get().plus(REST).isBefore(Instant.now());
        });
    return last.get();
  }

  /** Looks at the host now, and at what {@code berthd} and its shim hold. */
  static HostSnapshot take(BerthNode node) {
    return new HostSnapshot(() -> sorted(Stream.concat(host(node.marks()), processes(node))));
  }

  /** Looks at the host only: for a test in which {@code berthd} is started again. */
  static HostSnapshot takeOfHost(BerthNode node) {
    return new HostSnapshot(() -> sorted(host(node.marks())));
  }

  private static Stream<String> host(List<String> marks) {
    Predicate<String> counts =
        thing -> WHOLE_HOST || marks.stream().anyMatch(mark -> thing.contains(mark));
    return Stream.of(mounts(), pins(), links(), tables(), cgroups(), processes(), files(marks))
        .flatMap(List::stream)
        .filter(counts);
  }

  private static Stream<String> processes(BerthNode node) {
    Stream<String> shim =
        node.shim().stream().flatMap(process -> ProcessInventory.of("shim", process.pid()));
    return Stream.concat(ProcessInventory.of("berthd", node.berthdPid()), shim);
  }

  private static List<String> sorted(Stream<String> things) {
    return things.sorted().toList();
  }

  /** Requires the host to be again as it was in this snapshot, within 5 seconds. */
  void assertRestored() {
    assertRestored(_ -> true);
  }

  /** Requires the same, but for things that have one of these texts in them. */
  void assertRestoredBut(String... texts) {
    assertRestored(thing -> Stream.of(texts).noneMatch(thing::contains));
  }

  private void assertRestored(Predicate<String> counts) {
    List<String> wanted = things.stream().filter(counts).toList();
    var last = new AtomicReference<List<String>>(List.of());
    try {
      Await.until(
          "the host is as it was",
          LIMIT,
          () -> {
            last.set(look.get().stream().filter(counts).toList());
            return last.get().equals(wanted);
          });
    } catch (AssertionError e) {
      throw new AssertionError(
          "left on the host: "
              + difference(last.get(), wanted)
              + ", gone from it: "
              + difference(wanted, last.get()),
          e);
    }
  }

  /** One by one: of two processes with the same command line one may be left. */
  private static List<String> difference(List<String> all, List<String> without) {
    List<String> rest = new ArrayList<>(all);
    without.forEach(rest::remove);
    return rest;
  }

  private static List<String> mounts() {
    return lines(Path.of("/proc/self/mountinfo")).stream()
        .map(line -> line.split(" "))
        .map(fields -> "mount " + fields[4] + " of " + fields[3])
        .toList();
  }

  private static List<String> pins() {
    return walk(Path.of("/run/netns"), 1).map(path -> "netns " + path).toList();
  }

  private static List<String> links() {
    return walk(Path.of("/sys/class/net"), 1).map(path -> "link " + path.getFileName()).toList();
  }

  private static List<String> tables() {
    Command nft = Command.run(Map.of(), List.of("nft", "list", "ruleset"));
    return nft.stdout().lines().map(line -> "nft " + line.strip()).toList();
  }

  private static List<String> cgroups() {
    return walk(Path.of("/sys/fs/cgroup"), 8)
        .filter(path -> Files.isDirectory(path, LinkOption.NOFOLLOW_LINKS))
        .map(path -> "cgroup " + path)
        .toList();
  }

  private static List<String> processes() {
    return ProcessHandle.allProcesses()
        .map(process -> "process " + commandLine(process.pid()))
        .toList();
  }

  private static String commandLine(long pid) {
    try {
      return Files.readString(Path.of("/proc", Long.toString(pid), "cmdline")).replace('\0', ' ');
    } catch (IOException e) {
      return ""; // ended meanwhile
    }
  }

  /** Runtime state below the directories of the instance and where programs keep theirs. */
  private static List<String> files(List<String> marks) {
    Stream<Path> own =
        marks.stream().filter(mark -> mark.startsWith("/")).map(Path::of).flatMap(p -> walk(p, 32));
    Stream<Path> shared =
        Stream.of("/run", "/var/lib/cni", "/tmp").map(Path::of).flatMap(path -> walk(path, 2));
    return Stream.concat(own, shared).map(path -> "file " + path).toList();
  }

  private static Stream<Path> walk(Path directory, int depth) {
    var found = new ArrayList<Path>();
    if (!Files.isDirectory(directory)) {
      return Stream.of();
    }
    try {
      Files.walkFileTree(
          directory,
          Set.<FileVisitOption>of(),
          depth,
          new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
              found.add(file);
              return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult preVisitDirectory(Path dir, BasicFileAttributes attributes) {
              found.add(dir);
              return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult visitFileFailed(Path file, IOException e) {
              return FileVisitResult.CONTINUE; // gone meanwhile
            }
          });
    } catch (IOException e) {
      return Stream.of(); // gone meanwhile
    }
    return found.stream();
  }

  private static List<String> lines(Path file) {
    try {
      return Files.readAllLines(file);
    } catch (IOException e) {
      throw new AssertionError("cannot read " + file, e);
    }
  }
}
