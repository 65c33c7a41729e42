package dev.berth.image;

import dev.berth.base.MetadataStore;
import dev.berth.base.Operation;
import dev.berth.image.oci.ImageReference;
import dev.berth.image.registry.Credentials;
import dev.berth.image.registry.Patience;
import dev.berth.image.registry.RegistrySettings;
import dev.berth.image.testing.DockerRegistry;
import dev.berth.image.testing.Pusher;
import dev.berth.testing.RequiresRoot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;

/** An image store and a real registry that lets everyone in. */
@RequiresRoot
abstract class RegistryFixture {
  @TempDir Path dir;
  Path storage;
  DockerRegistry registry;
  Pusher pusher;
  Images images;
  private MetadataStore records;

  @BeforeEach
  void open() throws IOException {
    storage = Files.createDirectory(dir.resolve("registry"));
    registry = DockerRegistry.start(storage);
    pusher = new Pusher(registry);
    records = MetadataStore.open(dir.resolve("meta"));
    images =
        Images.open(
            dir.resolve("images"),
            records,
            new RegistrySettings(
                dir.resolve("hosts"),
                Optional.of(dir.resolve("config.json")),
                Map.of(),
                Patience.DEFAULT));
  }

  @AfterEach
  void close() {
    images.close();
    records.close();
    pusher.close();
    registry.close();
  }

  ImageRecord pull(DockerRegistry from, String name, Credentials credentials) {
    return images.pull(
        ImageReference.parse(from.host() + "/" + name),
        credentials,
        Operation.start("PullImage", Duration.ofSeconds(60), null));
  }
}
