package dev.berth.image.testing;

import dev.berth.base.AtomicFiles;
import dev.berth.base.MetadataStore;
import dev.berth.base.Operation;
import dev.berth.image.Images;
import dev.berth.image.oci.ImageReference;
import dev.berth.image.registry.Credentials;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;

/** Pulls images again and again into an empty store and prints what each pull took. */
public final class PullBench {
  private PullBench() {}

  /** Takes the folder to work in, the number of rounds, and references. */
  public static void main(String[] arguments) throws IOException {
    Path dir = Path.of(arguments[0]);
    int rounds = Integer.parseInt(arguments[1]);
    for (int round = 0; round < rounds; round++) {
      for (int i = 2; i < arguments.length; i++) {
        Path root = Files.createTempDirectory(dir, "pull-bench");
        try (var records = MetadataStore.open(root.resolve("meta"));
            var images = Images.open(root.resolve("images"), records, root.resolve("hosts"))) {
          long start = System.nanoTime();
          Duration cpuBefore = cpu();
          images.pull(
              ImageReference.parse(arguments[i]),
              Credentials.none(),
              Operation.internal("PullImage"));
          System.out.printf(
              "%s %.2f s, %.2f s of processor time%n",
              arguments[i],
              (System.nanoTime() - start) / 1e9,
              cpu().minus(cpuBefore).toMillis() / 1e3);
        }
        AtomicFiles.deleteTree(root);
      }
    }
  }

  /** User and system time of this process so far. */
  private static Duration cpu() {
    return ProcessHandle.current().info().totalCpuDuration().orElse(Duration.ZERO);
  }
}
