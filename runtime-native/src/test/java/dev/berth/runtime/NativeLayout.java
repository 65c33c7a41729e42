package dev.berth.runtime;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Sizes, offsets and numbers as the C compiler sees them: what src/test/c/layout.c prints. */
public final class NativeLayout {
  private static final Path SOURCES =
      Path.of(System.getProperty("berth.root.dir"), "runtime-native/src");

  private final Map<String, Long> values = new HashMap<>();

  private NativeLayout(List<String> lines) {
    for (String line : lines) {
      int blank = line.lastIndexOf(' ');
      values.put(line.substring(0, blank), Long.parseUnsignedLong(line.substring(blank + 1)));
    }
  }

  /** Compiles the program in {@code directory} and runs it. */
  public static NativeLayout read(Path directory) throws IOException, InterruptedException {
    Path program = directory.resolve("layout");
    Path main = SOURCES.resolve("main/c");
    run(
        "gcc",
        "-std=gnu11",
        "-O1",
        "-ffreestanding",
        "-fno-stack-protector",
        "-nostdlib",
        "-static",
        "-I" + main,
        SOURCES.resolve("test/c/layout.c").toString(),
        main.resolve("sys.c").toString(),
        "-o",
        program.toString());
    return new NativeLayout(run(program.toString()));
  }

  private static List<String> run(String... command) throws IOException, InterruptedException {
    Path output = Files.createTempFile("layout", ".txt");
    try {
      Process process =
          new ProcessBuilder(command)
              .redirectErrorStream(true)
              .redirectOutput(output.toFile())
              .start();
      int code = process.waitFor();
      String text = Files.readString(output, StandardCharsets.UTF_8);
      if (code != 0) {
        throw new AssertionError(command[0] + " ended with " + code + ": " + text);
      }
      return text.lines().toList();
    } finally {
      Files.delete(output);
    }
  }

  /** The value of a name such as {@code PLAN_MAGIC}, {@code sizeof plan} or {@code plan.slot}. */
  public long get(String name) {
    Long value = values.get(name);
    if (value == null) {
      throw new AssertionError("layout.c does not print " + name);
    }
    return value;
  }
}
