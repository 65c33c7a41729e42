package dev.berth.shim;

import static dev.berth.base.BerthException.Kind.INTERNAL;

import com.google.gson.JsonObject;
import dev.berth.base.BerthException;
import dev.berth.shim.ttrpc.TtrpcClient;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Answers {@code start}: finds the shim that serves, or brings one up, and names its address.
 *
 * <p>The shim is this program again, with the same flags but without a command.
 */
final class StartCommand {
  private static final Duration LIMIT = Duration.ofSeconds(20);
  private static final Duration PROBE = Duration.ofSeconds(2);
  private static final Duration POLL = Duration.ofMillis(2);
  private static final int VERSION = 3;
  private static final int LOG_TAIL_BYTES = 4096;

  private final ShimDirectory directory;

  StartCommand(ShimDirectory directory) {
    this.directory = directory;
  }

  /**
   * Makes sure that a shim serves.
   *
   * @return its address
   * @throws BerthException INTERNAL with the end of its log when it does not come up
   */
  String run() throws IOException, InterruptedException {
    try (var _ = directory.lockStarting()) {
      directory.create();
      if (!answers()) {
        bringUp();
      }
      return "unix://" + directory.socket();
    }
  }

  /**
   * Words the answer as the asking runtime reads it: JSON since containerd 1.7, which sets
   * MAX_SHIM_VERSION; a bare address, which means version 2, before.
   */
  static String answer(String address, @Nullable String maxVersion) {
    if (maxVersion == null || maxVersion.isBlank()) {
      return address;
    }
    var metadata = new JsonObject();
    metadata.addProperty(ShimMain.ADOPTS_TASKS, "true");
    var answer = new JsonObject();
    answer.addProperty("version", Math.min(VERSION, Integer.parseInt(maxVersion.strip())));
    answer.addProperty("address", address);
    answer.addProperty("protocol", "ttrpc");
    answer.add("metadata", metadata);
    return answer.toString();
  }

  private boolean answers() {
    try (var client = TtrpcClient.connect(directory.socket(), PROBE)) {
      return client.isOpen();
    } catch (BerthException e) {
      return false; // nobody listens: that is the question
    }
  }

  private void bringUp() throws IOException, InterruptedException {
    Process shim =
        new ProcessBuilder(serveCommand())
            .redirectInput(ProcessBuilder.Redirect.from(new File("/dev/null")))
            .redirectOutput(ProcessBuilder.Redirect.appendTo(directory.log().toFile()))
            .redirectErrorStream(true)
            .start();
    long deadline = System.nanoTime() + LIMIT.toNanos();
    while (!answers()) {
      if (!shim.isAlive() || System.nanoTime() > deadline) {
        shim.destroyForcibly();
        throw new BerthException(
            INTERNAL, "the shim did not come up, see " + directory.log() + ": " + logTail());
      }
      Thread.sleep(POLL);
    }
  }

  /** This process's own command line, less the word {@code start}. */
  private static List<String> serveCommand() throws IOException {
    String line = Files.readString(Path.of("/proc/self/cmdline"), StandardCharsets.UTF_8);
    List<String> words = new ArrayList<>(List.of(line.split("\0", -1)));
    words.removeLast(); // what follows the last NUL
    words.remove(words.lastIndexOf("start"));
    words.set(0, ProcessHandle.current().info().command().orElse(words.getFirst()));
    return words;
  }

  private String logTail() throws IOException {
    byte[] log = Files.readAllBytes(directory.log());
    int start = Math.max(0, log.length - LOG_TAIL_BYTES);
    return new String(log, start, log.length - start, StandardCharsets.UTF_8).strip();
  }
}
