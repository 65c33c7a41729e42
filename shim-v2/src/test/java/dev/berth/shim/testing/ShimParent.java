package dev.berth.shim.testing;

import dev.berth.shim.client.Shim;
import dev.berth.shim.client.ShimRecord;
import dev.berth.shim.client.Shims;
import dev.berth.shim.client.TaskProcess;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * A runtime that can be killed: a JVM of its own that starts the shim, or finds it, and waits for
 * the ends of containers.
 */
public final class ShimParent implements AutoCloseable {
  private static final Duration SOON = Duration.ofSeconds(20);
  private static final String ID = "pod";

  private final Process process;
  private final ShimRecord record;

  private ShimParent(Process process, ShimRecord record) {
    this.process = process;
    this.record = record;
  }

  /** Starts one for the shim prepared in {@code directory} and returns when it is connected. */
  public static ShimParent start(Path directory, List<String> containers) throws IOException {
    Files.createDirectories(directory.resolve(ID));
    List<String> command =
        new ArrayList<>(
            List.of(
                ProcessHandle.current().info().command().orElseThrow(),
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "-cp",
                System.getProperty("java.class.path"),
                ShimParent.class.getName(),
                directory.toString()));
    command.addAll(containers);
    Process process =
        new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
    try (BufferedReader out = process.inputReader()) {
      return new ShimParent(process, ShimRecord.fromJson(out.readLine()));
    }
  }

  /** The process: arguments are the directory and the containers to wait for. */
  public static void main(String[] arguments) throws InterruptedException {
    Path directory = Path.of(arguments[0]);
    Shims shims = BerthShim.client(directory);
    Shim shim =
        shims.launch(
            directory.resolve(BerthShim.BINARY).toString(), ID, directory.resolve(ID), null, SOON);
    for (String container : Arrays.asList(arguments).subList(1, arguments.length)) {
      var _ = shim.tasks().exit(TaskProcess.init(container));
    }
    System.out.println(shim.record().toJson());
    Thread.sleep(Duration.ofHours(1));
  }

  /** Returns where the shim is. */
  public ShimRecord record() {
    return record;
  }

  /** Kills the process with SIGKILL. */
  public void kill() {
    process.destroyForcibly();
    process.onExit().join();
  }

  @Override
  public void close() {
    kill();
  }
}
