package dev.berth.shim;

import static dev.berth.base.BerthException.Kind.INTERNAL;
import static java.nio.charset.StandardCharsets.UTF_8;

import dev.berth.base.AtomicFiles;
import dev.berth.base.BerthException;
import dev.berth.shim.ttrpc.TtrpcClient;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/**
 * Answers {@code start}: finds the shim that serves, or brings one up, and names its address.
 *
 * <p>The shim is this program again, with the same flags but without a command.
 */
final class StartCommand {
  private static final Duration LIMIT = Duration.ofSeconds(20);
  private static final Duration PROBE = Duration.ofSeconds(2);
  private static final Duration POLL = Duration.ofMillis(2);
  private static final int LOG_TAIL_BYTES = 4096;

  private final ShimDirectory directory;
  private final StartInput input;
  private final Path bundle;

  /**
   * @param bundle where the address is left as well
   */
  StartCommand(ShimDirectory directory, StartInput input, Path bundle) {
    this.directory = directory;
    this.input = input;
    this.bundle = bundle;
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
      String address = "unix://" + directory.socket();
      leaveAddress(address);
      return address;
    }
  }

  /** A file in the bundle is all by which a restarted containerd 1.6 finds the shim again. */
  private void leaveAddress(String address) throws IOException {
    if (Files.exists(bundle.resolve("config.json"))) {
      AtomicFiles.writeVolatile(bundle.resolve("address"), address.getBytes(UTF_8));
    }
  }

  private boolean answers() {
    try (var client = TtrpcClient.connect(directory.socket(), PROBE)) {
      return client.isOpen();
    } catch (BerthException e) {
      return false; // nobody listens: that is the question
    }
  }

  private void bringUp() throws IOException, InterruptedException {
    var builder =
        new ProcessBuilder(serveCommand())
            .directory(new File("/")) // the bundle that this runs in goes before the shim does
            .redirectInput(ProcessBuilder.Redirect.from(new File("/dev/null")))
            .redirectOutput(ProcessBuilder.Redirect.appendTo(directory.log().toFile()))
            .redirectErrorStream(true);
    if (!input.events().isEmpty()) {
      builder.environment().putIfAbsent(ShimMain.EVENTS, input.events());
    }
    Process shim = builder.start();
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

  /** This process's own command line, less the word {@code start} and with all that is known. */
  private List<String> serveCommand() throws IOException {
    String line = Files.readString(Path.of("/proc/self/cmdline"), UTF_8);
    List<String> words = new ArrayList<>(List.of(line.split("\0", -1)));
    words.removeLast(); // what follows the last NUL
    words.remove(words.lastIndexOf("start"));
    words.addAll(List.of("-namespace", input.namespace(), "-address", input.address()));
    words.set(0, ProcessHandle.current().info().command().orElse(words.getFirst()));
    return words;
  }

  private String logTail() throws IOException {
    return new String(LogLimit.tail(directory.log(), LOG_TAIL_BYTES), UTF_8).strip();
  }
}
