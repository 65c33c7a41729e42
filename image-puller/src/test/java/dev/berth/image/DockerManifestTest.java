package dev.berth.image;

import static dev.berth.image.testing.Programs.run;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.berth.image.oci.Digest;
import dev.berth.image.oci.MediaTypes;
import dev.berth.image.registry.Credentials;
import dev.berth.image.testing.TestImage;
import dev.berth.image.testing.TestImage.Compression;
import dev.berth.image.unpack.Tars;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Images in Docker's own form, schema 2, as skopeo makes them and a real registry keeps them. */
class DockerManifestTest extends RegistryFixture {
  private static TestImage image() {
    return new TestImage()
        .layer(new Tars().directory("etc").file("etc/a", "docker").bytes(), Compression.GZIP);
  }

  private String copied(String from, String... options) {
    String to = registry.host() + "/docker:v1";
    List<String> command =
        new ArrayList<>(List.of("skopeo", "copy", "--format=v2s2", "--src-tls-verify=false"));
    command.add("--dest-tls-verify=false");
    command.addAll(List.of(options));
    command.addAll(List.of("docker://" + registry.host() + "/" + from, "docker://" + to));
    run(command.toArray(String[]::new));
    return run("skopeo", "inspect", "--tls-verify=false", "--raw", "docker://" + to);
  }

  private void assertPulled(String raw) {
    ImageRecord image = pull(registry, "docker:v1", Credentials.none());
    assertThat(image.repoDigests())
        .containsExactly(registry.host() + "/docker@" + Digest.ofSha256(raw));
    assertThat(images.readFile(image, "/etc/a", 100)).hasValue("docker".getBytes(UTF_8));
    assertThat(image.config().cmd()).containsExactly("/bin/sh");
    ImageRecord again = pull(registry, "docker@" + Digest.ofSha256(raw), Credentials.none());
    assertThat(again.id()).isEqualTo(image.id());
  }

  @Test
  void aManifestOfSchema2IsPulledUnderItsOwnDigest() {
    pusher.push("app", "v1", image());
    String raw = copied("app:v1");
    assertThat(raw)
        .contains(
            "\"" + MediaTypes.DOCKER_MANIFEST + "\"",
            "\"" + MediaTypes.DOCKER_CONFIG + "\"",
            "\"" + MediaTypes.DOCKER_LAYER_GZIP + "\"");
    assertPulled(raw);
  }

  @Test
  void aManifestListIsPulledUnderItsOwnDigestForThisPlatform() {
    pusher.pushIndex("app", "v1", image().architecture("s390x"), image());
    String raw = copied("app:v1", "--all");
    assertThat(raw)
        .contains("\"" + MediaTypes.DOCKER_LIST + "\"", "\"" + MediaTypes.DOCKER_MANIFEST + "\"")
        .doesNotContain("vnd.oci");
    assertPulled(raw);
  }
}
