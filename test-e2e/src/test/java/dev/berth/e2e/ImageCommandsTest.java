package dev.berth.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.berth.testing.Await;
import dev.berth.testing.RequiresRoot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** What an administrator does to images, as a script sees it: results are lines of JSON. */
@RequiresRoot
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class ImageCommandsTest {
  @TempDir private static Path directory;
  private PrivateHost host;
  private TestRegistry registry;
  private BerthNode node;
  private String image;

  @BeforeAll
  void start() throws Exception {
    host = new PrivateHost(directory.resolve("host"));
    registry = new TestRegistry(directory.resolve("registry"));
    image = registry.busybox();
    node =
        BerthNode.start(directory, host, "--keep-content=true", "--pinned-images=*/busybox:latest");
  }

  @AfterAll
  void stop() throws IOException {
    node.close();
    registry.close();
    host.close();
  }

  @BeforeEach
  void pull() {
    node.berth("pull", image).succeeded();
  }

  private String berth(String... arguments) {
    return node.berth(arguments).succeeded().stdout();
  }

  @Test
  void anImageIsInspected() {
    assertThat(berth("inspect", image))
        .contains("\"names\":[\"" + image + "\"]", "\"pinned\":true", "\"diff_ids\"");
  }

  @Test
  void anImageGoesOutAndComesBackAndRuns() {
    Path saved = directory.resolve("busybox.docker.tar");
    assertThat(berth("save", image, "-o", saved.toString())).contains("\"saved\":\"" + saved);
    assertThat(Command.output("tar", "-xOf", saved.toString(), "manifest.json")).contains(image);
    assertThat(Command.output("skopeo", "inspect", "docker-archive:" + saved)).contains("Layers");
    berth("rmi", image);
    assertThat(berth("images")).doesNotContain("busybox");
    assertThat(berth("load", saved.toString())).contains("\"names\":[\"" + image + "\"]");
    assertThat(berth("run", "--rm", image, "echo", "back")).isEqualTo("back\n");

    String copy = image.replace("busybox:latest", "copies/busybox:v2");
    berth("tag", image, copy);
    assertThat(berth("push", copy)).contains("\"pushed\":\"" + copy);
    assertThat(Command.output("skopeo", "inspect", "--tls-verify=false", "docker://" + copy))
        .contains("copies/busybox");
    assertThat(berth("registry", "explain", copy))
        .contains("\"tls\":\"none, plain HTTP\"", "\"answer\":\"200 sha256:");
  }

  @Test
  void whatIsDamagedIsFoundAndHealed() throws Exception {
    Path layers = node.root().resolve("images/layers");
    Await.until(
        "the layers are on the disk",
        Duration.ofSeconds(20),
        () -> {
          try (var folders = Files.list(layers)) {
            return folders.allMatch(folder -> Files.exists(folder.resolve("synced")));
          }
        });
    assertThat(berth("image", "verify")).contains("\"health\":\"sound\"").doesNotContain("damaged");
    try (var folders = Files.list(layers)) {
      for (Path folder : folders.toList()) {
        Files.writeString(folder.resolve("fs/www/index.html"), "someone was here\n");
      }
    }
    Command verify = node.berth("image", "verify", image);
    assertThat(verify.exitCode()).isEqualTo(1);
    assertThat(verify.stdout()).contains("\"health\":\"damaged\"", "www/index.html");
    assertThat(node.berth("inspect", image).stderr()).contains("no such image");
    berth("pull", image);
    assertThat(berth("image", "verify")).doesNotContain("damaged");
    assertThat(berth("run", "--rm", image, "cat", "/www/index.html"))
        .isEqualTo("hello from the web server\n");
  }

  @Test
  void garbageIsToldAndDeleted() throws IOException {
    Path orphan = node.root().resolve("images/blobs").resolve("0".repeat(64));
    Files.write(orphan, new byte[100_000]);
    String told = berth("gc", "--dry-run", "--explain");
    assertThat(told).contains("\"holders\":[\"image " + image, "\"kind\":\"content\"");
    assertThat(orphan).exists();
    assertThat(berth("gc")).contains("0".repeat(64), "\"deleted\":true");
    assertThat(orphan).doesNotExist();
    assertThat(berth("gc")).isEmpty();
  }
}
