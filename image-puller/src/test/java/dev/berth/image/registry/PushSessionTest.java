package dev.berth.image.registry;

import static org.assertj.core.api.Assertions.assertThat;

import dev.berth.base.Operation;
import dev.berth.image.oci.BlobSource;
import dev.berth.image.oci.Descriptor;
import dev.berth.image.oci.Digest;
import dev.berth.image.oci.ImageReference;
import dev.berth.image.registry.PushSession.Way;
import dev.berth.image.testing.DockerRegistry;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Uploads to a real registry, whole and in pieces. */
class PushSessionTest {
  @TempDir Path dir;

  @ParameterizedTest
  @ValueSource(ints = {1, 4095, 4096, 4097, 12_288, 20_000})
  void aBlobArrivesHoweverItIsCut(int size) throws IOException {
    byte[] content = new byte[size];
    new Random(size).nextBytes(content);
    Digest digest = Digest.ofSha256(content);
    var blob = new Descriptor("application/octet-stream", digest, size, null);
    BlobSource source = (_, _, _) -> new ByteArrayInputStream(content);
    Operation operation = Operation.internal("Test");
    try (var registry = DockerRegistry.start(Files.createDirectory(dir.resolve("registry")));
        var client = new RegistryClient(RegistrySettings.of(dir.resolve("hosts")))) {
      ImageReference name = ImageReference.parse(registry.host() + "/app:v1");
      PushSession session = client.openPush(name, Credentials.none(), 4096);
      assertThat(session.push(blob, Optional.empty(), source, operation)).isEqualTo(Way.UPLOADED);
      assertThat(session.push(blob, Optional.empty(), source, operation)).isEqualTo(Way.PRESENT);
      ImageReference other = ImageReference.parse(registry.host() + "/other:v1");
      PushSession beside = client.openPush(other, Credentials.none(), 4096);
      assertThat(beside.push(blob, Optional.of("app"), source, operation)).isEqualTo(Way.MOUNTED);
      assertThat(client.open(other, Credentials.none()).fetchBlob(blob, size, operation))
          .isEqualTo(content);
    }
  }
}
