package dev.berth.image;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.base.BerthException;
import dev.berth.base.MetadataStore;
import dev.berth.base.Operation;
import dev.berth.image.oci.ImageReference;
import dev.berth.image.registry.Credentials;
import dev.berth.image.registry.RegistrySettings;
import dev.berth.image.testing.HostFiles;
import dev.berth.image.testing.HostileRegistry;
import dev.berth.image.testing.TestImage;
import dev.berth.image.testing.TestImage.Compression;
import dev.berth.image.unpack.Tars;
import dev.berth.testing.Await;
import dev.berth.testing.RequiresRoot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.assertj.core.api.AbstractThrowableAssert;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;

/** An image store and a registry that does what a test tells it to. */
@RequiresRoot
abstract class HostileRegistryFixture {
  static final Duration LIMIT = Duration.ofSeconds(20);

  @TempDir Path dir;
  final HostileRegistry registry = HostileRegistry.start();
  private MetadataStore records;
  Images images;

  @BeforeEach
  void open() {
    records = MetadataStore.open(dir.resolve("meta"));
    images = Images.open(dir.resolve("images"), records, settings());
  }

  /** Opens the store again with the settings that {@link #settings} gives now. */
  void reopen() {
    images.close();
    images = Images.open(dir.resolve("images"), records, settings());
  }

  RegistrySettings settings() {
    return RegistrySettings.of(dir.resolve("hosts"));
  }

  @AfterEach
  void close() {
    registry.close();
    images.close();
    records.close();
  }

  /** Two MiB that do not compress, so that there is a partial file, and a second layer. */
  static TestImage big() {
    byte[] noise = new byte[2 << 20];
    new Random(3).nextBytes(noise);
    return new TestImage()
        .layer(new Tars().directory("d").file("d/noise", 0644, noise).bytes(), Compression.GZIP)
        .layer(new Tars().file("small", "x").bytes(), Compression.GZIP);
  }

  ImageRecord pull(String name) {
    return pull(name, Credentials.none(), Operation.internal("PullImage"));
  }

  ImageRecord pull(String name, Credentials credentials, Operation operation) {
    return images.pull(ImageReference.parse(registry.host() + "/" + name), credentials, operation);
  }

  AbstractThrowableAssert<?, ?> assertFails(String name, BerthException.Kind kind) {
    return assertThatThrownBy(() -> pull(name))
        .isInstanceOfSatisfying(
            BerthException.class, e -> assertThat(e.kind()).as("%s", e).isEqualTo(kind));
  }

  void assertNothingLeftBut(String... partials) {
    List<String> expected =
        new ArrayList<>(
            List.of("", "blobs", "content", "layers", "partial", "snapshots", "staging"));
    for (String partial : partials) {
      expected.add(5, "partial/" + partial);
    }
    Await.until(
        "nothing is left", LIMIT, () -> HostFiles.below(dir.resolve("images")).equals(expected));
    assertThat(images.list()).isEmpty();
  }

  void demandPassword(String path, byte[] content) {
    registry.on(
        path,
        exchange -> {
          if (exchange.getRequestHeaders().getFirst("Authorization") == null) {
            exchange.getResponseHeaders().set("WWW-Authenticate", "Basic realm=\"test\"");
            HostileRegistry.send(exchange, 401, "no");
          } else {
            HostileRegistry.send(exchange, 200, content);
          }
        });
  }

  void hostsToml(String text) throws IOException {
    hostsToml(registry.host().replace(':', '_') + "_", text);
  }

  void hostsToml(String name, String text) throws IOException {
    Path folder = dir.resolve("hosts").resolve(name);
    Files.writeString(Files.createDirectories(folder).resolve("hosts.toml"), text);
  }
}
