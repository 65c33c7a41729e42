package dev.berth.shim.testing;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/** What /proc knows of other processes; see proc(5). */
public final class ProcFs {
  private static final Path PROC = Path.of("/proc");
  private static final String LISTENS = "00010000"; // __SO_ACCEPTCON in /proc/net/unix

  private ProcFs() {}

  /**
   * Returns a field of /proc/PID/stat.
   *
   * @param number as proc(5) counts, from 3 on
   */
  public static String stat(long pid, int number) throws IOException {
    String text = Files.readString(PROC.resolve(pid + "/stat"));
    return text.substring(text.lastIndexOf(')') + 2).split(" ", -1)[number - 3];
  }

  /** Returns pid and start time, which together name a process for good. */
  public static String identity(long pid) throws IOException {
    return pid + "@" + stat(pid, 22);
  }

  /** Returns whether a process runs no more: it is gone or a zombie. */
  public static boolean hasEnded(long pid) {
    try {
      return stat(pid, 3).equals("Z");
    } catch (IOException e) {
      return true;
    }
  }

  /** Returns the program that a process runs. */
  public static Path executable(long pid) throws IOException {
    return Files.readSymbolicLink(PROC.resolve(pid + "/exe"));
  }

  /** Returns whether a process listens on a unix socket. */
  public static boolean listens(long pid, Path socket) throws IOException {
    for (String line : Files.readAllLines(PROC.resolve("net/unix"))) {
      String[] fields = line.trim().split(" +", -1);
      if (fields.length == 8 && fields[7].equals(socket.toString()) && fields[3].equals(LISTENS)) {
        return links(pid).contains("socket:[" + fields[6] + "]");
      }
    }
    return false;
  }

  /** Returns a process of this name that holds a file below a directory open. */
  public static Optional<Long> holder(String name, Path directory) throws IOException {
    try (Stream<Path> entries = Files.list(PROC)) {
      return entries
          .map(entry -> entry.getFileName().toString())
          .filter(entry -> Character.isDigit(entry.charAt(0)))
          .map(Long::valueOf)
          .filter(pid -> name(pid).equals(name))
          .filter(pid -> links(pid).stream().anyMatch(l -> l.startsWith(directory + "/")))
          .findFirst();
    }
  }

  /** Returns the processes that have a file open. */
  public static List<Long> holders(Path file) throws IOException {
    try (Stream<Path> entries = Files.list(PROC)) {
      return entries
          .map(entry -> entry.getFileName().toString())
          .filter(entry -> Character.isDigit(entry.charAt(0)))
          .map(Long::valueOf)
          .filter(pid -> links(pid).contains(file.toString()))
          .toList();
    }
  }

  private static String name(long pid) {
    try {
      return Files.readString(PROC.resolve(pid + "/comm")).strip();
    } catch (IOException e) {
      return ""; // it has ended
    }
  }

  private static List<String> links(long pid) {
    try (Stream<Path> entries = Files.list(PROC.resolve(pid + "/fd"))) {
      return entries.map(ProcFs::target).toList();
    } catch (IOException e) {
      return List.of(); // it has ended
    }
  }

  private static String target(Path link) {
    try {
      return Files.readSymbolicLink(link).toString();
    } catch (NoSuchFileException e) {
      return ""; // closed meanwhile
    } catch (IOException e) {
      return "";
    }
  }
}
