package dev.berth.e2e;

import static java.util.function.Function.identity;
import static java.util.stream.Collectors.counting;
import static java.util.stream.Collectors.groupingBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * What a process holds: its descriptors by kind and its threads by name, one text each.
 *
 * <p>Numbers that differ from one to the next are left out: of two sockets of the same kind with
 * the same name it only counts that they are two.
 *
 * <p>Tolerated are threads of pools and idle connections to registries, up to {@link #POOL_LIMIT}
 * of each: the former come when as many calls wait at once as never before, and go after a minute
 * without work; the latter are kept for the next pull. What else a JVM opens or starts at first
 * use, it keeps: a pod before the first look has it all used.
 */
final class ProcessInventory {
  private static final int POOL_LIMIT = 8;

  /** Of a thread's name the kernel keeps 15 bytes. */
  private static final List<String> POOLS =
      List.of(
          "thread berth-native-wa", // berth-native-wait: system calls that block
          "thread shim-command-th", // shim-command-thread: lead the talk with the berth-init of a
          // command
          "thread berth-stream-pu", // berth-stream-pump: between streams and their connections
          "thread ForkJoinPool-1-", // what carries virtual threads
          "thread process reaper", // waits for programs that the JDK started
          "thread C1 CompilerThre",
          "descriptor socket tcp6"); // to a registry: the CRI is served on a unix socket

  private ProcessInventory() {}

  /** Looks at a process; one that ends meanwhile holds less and less. */
  static Stream<String> of(String name, long pid) {
    Path process = Path.of("/proc", Long.toString(pid));
    Map<String, Long> held =
        Stream.concat(descriptors(process), threads(process))
            .collect(groupingBy(identity(), counting()));
    return held.entrySet().stream()
        .filter(entry -> !POOLS.contains(entry.getKey()) || entry.getValue() > POOL_LIMIT)
        .flatMap(entry -> Stream.generate(entry::getKey).limit(entry.getValue()))
        .map(thing -> name + " " + thing);
  }

  private static Stream<String> descriptors(Path process) {
    Map<String, String> sockets = sockets(process);
    return list(process.resolve("fd"))
        .map(ProcessInventory::target)
        .filter(target -> !target.isEmpty())
        .map(target -> "descriptor " + kind(target, sockets));
  }

  private static Stream<String> threads(Path process) {
    String network = target(process.resolve("ns/net"));
    return list(process.resolve("task"))
        .filter(task -> !text(task.resolve("comm")).isBlank())
        .map(task -> "thread " + text(task.resolve("comm")).strip() + elsewhere(task, network));
  }

  /** A thread that a pod's namespace was left to makes everything it starts the pod's. */
  private static String elsewhere(Path task, String network) {
    String own = target(task.resolve("ns/net"));
    return own.isEmpty() || own.equals(network) ? "" : " in a network namespace of its own";
  }

  private static String kind(String target, Map<String, String> sockets) {
    if (target.startsWith("socket:[")) {
      return "socket " + sockets.getOrDefault(target.substring(8, target.length() - 1), "other");
    }
    return target.startsWith("pipe:[") ? "pipe" : target;
  }

  /** Returns what sockets are, by inode number. */
  private static Map<String, String> sockets(Path process) {
    Map<String, String> kinds = new HashMap<>();
    // Num RefCount Protocol Flags Type St Inode Path
    for (String line : text(process.resolve("net/unix")).lines().toList()) {
      String[] fields = line.strip().split(" +", 8);
      kinds.put(fields[6], "unix type " + fields[4] + (fields.length > 7 ? " " + fields[7] : ""));
    }
    for (String protocol : List.of("tcp", "tcp6", "netlink")) {
      for (String line : text(process.resolve("net").resolve(protocol)).lines().toList()) {
        String[] fields = line.strip().split(" +");
        kinds.put(fields[protocol.equals("netlink") ? fields.length - 1 : 9], protocol);
      }
    }
    return kinds;
  }

  private static Stream<Path> list(Path directory) {
    try (Stream<Path> entries = Files.list(directory)) {
      return entries.toList().stream();
    } catch (IOException e) {
      return Stream.of(); // the process has ended
    }
  }

  private static String target(Path descriptor) {
    try {
      return Files.readSymbolicLink(descriptor).toString();
    } catch (IOException e) {
      return ""; // closed meanwhile
    }
  }

  private static String text(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      return ""; // the process or thread has ended
    }
  }
}
