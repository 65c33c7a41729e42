package dev.berth.runtime.kernel;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;

/**
 * System call numbers by name and architecture, from {@code syscalls.tsv} beside this class.
 *
 * <p>Immutable once loaded; thread-safe.
 */
public final class SyscallTable {
  private static final String RESOURCE = "syscalls.tsv";
  private static final SyscallTable HOST = load(hostArchitecture());

  private final String architecture;
  private final Map<String, Integer> numbers;

  private SyscallTable(String architecture, Map<String, Integer> numbers) {
    this.architecture = architecture;
    this.numbers = numbers;
  }

  /** The table of the architecture this JVM runs on. */
  public static SyscallTable host() {
    return HOST;
  }

  /**
   * Reads the column of an architecture, named as in the Go world: {@code amd64}, {@code arm64}.
   *
   * @throws IllegalArgumentException if the table has no such column
   */
  public static SyscallTable load(String architecture) {
    try (var in = SyscallTable.class.getResourceAsStream(RESOURCE)) {
      if (in == null) {
        throw new IllegalStateException("the class path lacks " + RESOURCE);
      }
      return parse(
          architecture,
          new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8)).lines().toList());
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read " + RESOURCE, e);
    }
  }

  private static SyscallTable parse(String architecture, List<String> lines) {
    Map<String, Integer> numbers = new HashMap<>();
    int column = -1;
    for (String line : lines) {
      if (line.startsWith("#")) {
        continue;
      }
      List<String> cells = List.of(line.split("\t", -1));
      if (column < 0) {
        column = cells.indexOf(architecture);
        if (column < 0) {
          throw new IllegalArgumentException("no system call table for " + architecture);
        }
      } else if (!cells.get(column).equals("-")) {
        numbers.put(cells.getFirst(), Integer.parseInt(cells.get(column)));
      }
    }
    return new SyscallTable(architecture, Map.copyOf(numbers));
  }

  private static String hostArchitecture() {
    return switch (System.getProperty("os.arch")) {
      case "amd64", "x86_64" -> "amd64";
      case "aarch64" -> "arm64";
      default ->
          throw new IllegalStateException(
              "Berth runs on amd64 and arm64, not on " + System.getProperty("os.arch"));
    };
  }

  public String architecture() {
    return architecture;
  }

  /** Returns the number of a call, empty where the architecture does not have it. */
  public OptionalInt find(String name) {
    Integer number = numbers.get(name);
    return number == null ? OptionalInt.empty() : OptionalInt.of(number);
  }

  /**
   * Returns the number of a call that must exist.
   *
   * @throws IllegalArgumentException if the architecture does not have it
   */
  public int number(String name) {
    return find(name)
        .orElseThrow(
            () -> new IllegalArgumentException("no system call " + name + " on " + architecture));
  }
}
