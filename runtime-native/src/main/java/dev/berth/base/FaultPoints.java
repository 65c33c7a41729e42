package dev.berth.base;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * Lets the fault tests fail any stage of any verb in the built program.
 *
 * <p>Off unless the JVM was started with {@code -Dberth.fault.file=PATH}. Then, before every stage,
 * the file is read; a line {@code VERB.STAGE ACTION} strikes, where the action is {@code fail},
 * {@code disk-full}, {@code halt} (the process ends at once, as by kill -9) or {@code hang} (until
 * the line is gone).
 */
final class FaultPoints {
  private static final @Nullable Path FILE = configured();

  private FaultPoints() {}

  private static @Nullable Path configured() {
    String path = System.getProperty("berth.fault.file");
    return path == null ? null : Path.of(path);
  }

  static void strike(String verb, Enum<?> stage) {
    if (FILE == null) {
      return;
    }
    String point = verb + "." + stage.name() + " ";
    for (String line : lines(FILE)) {
      if (line.startsWith(point)) {
        act(line.substring(point.length()).strip(), point);
      }
    }
  }

  private static void act(String action, String point) {
    switch (action) {
      case "fail" ->
          throw new BerthException(
              BerthException.Kind.INTERNAL, "fault injected at " + point.strip());
      case "disk-full" ->
          throw new BerthException(
              BerthException.Kind.RESOURCE_EXHAUSTED,
              "fault injected at " + point.strip() + ": no space left on device");
      case "halt" -> Runtime.getRuntime().halt(137);
      case "hang" -> {
        while (FILE != null && lines(FILE).stream().anyMatch(line -> line.startsWith(point))) {
          LockSupport.parkNanos(10_000_000);
        }
      }
      default -> throw new IllegalArgumentException("unknown fault action: " + action);
    }
  }

  private static List<String> lines(Path file) {
    try {
      return Files.readAllLines(file);
    } catch (NoSuchFileException e) {
      return List.of(); // no fault wanted now
    } catch (IOException e) {
      throw new IllegalStateException("cannot read the fault file " + file, e);
    }
  }
}
