package dev.berth.image;

import dev.berth.base.MetadataStore;
import dev.berth.base.Operation;
import dev.berth.image.oci.ImageReference;
import dev.berth.image.registry.Credentials;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Pulls in a process of its own, which can be killed. */
final class Puller {
  private Puller() {}

  /**
   * Starts a pull into the store below a directory: its {@code images}, {@code meta} and {@code
   * hosts}.
   *
   * @param options for the JVM
   */
  static Process start(Path dir, String reference, String... options) throws IOException {
    List<String> command =
        new ArrayList<>(
            List.of(
                ProcessHandle.current().info().command().orElseThrow(),
                "--enable-native-access=ALL-UNNAMED"));
    command.addAll(List.of(options));
    command.addAll(
        List.of(
            "-cp",
            System.getProperty("java.class.path"),
            Puller.class.getName(),
            dir.toString(),
            reference));
    return new ProcessBuilder(command).redirectErrorStream(true).start();
  }

  public static void main(String[] arguments) {
    Path dir = Path.of(arguments[0]);
    try (var records = MetadataStore.open(dir.resolve("meta"));
        var images = Images.open(dir.resolve("images"), records, dir.resolve("hosts"))) {
      images.pull(
          ImageReference.parse(arguments[1]), Credentials.none(), Operation.internal("PullImage"));
    }
  }
}
