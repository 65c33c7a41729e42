package dev.berth.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.berth.testing.Await;
import dev.berth.testing.RequiresRoot;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** The {@code berth} command as a person uses it. */
@RequiresRoot
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class CommandLineTest {
  @TempDir private static Path directory;
  private PrivateHost host;
  private TestRegistry registry;
  private BerthNode node;
  private String image;

  @BeforeAll
  void start() throws Exception {
    host = new PrivateHost(directory.resolve("host"));
    registry = new TestRegistry(directory.resolve("registry"));
    node = BerthNode.start(directory, host);
    image = registry.busybox();
  }

  @AfterAll
  void stop() throws IOException {
    node.close();
    registry.close();
    host.close();
  }

  @Test
  void infoTellsWhoAnswers() {
    assertThat(node.berth("info").succeeded().stdout())
        .contains("runtime:", "berth 0.1.0", "RuntimeReady:   yes", "NetworkReady:   yes");
  }

  @Test
  void theLogTellsHowFastLayersAreHashedAndDecompressed() {
    Await.until(
        "the codecs are tried",
        Duration.ofSeconds(10),
        () ->
            Stream.of("sha256 by .*", "inflate by .*", "zstd by .*")
                .allMatch(
                    codec -> Pattern.compile(codec + ", [0-9]+ MB/s").matcher(berthdLog()).find()));
  }

  private String berthdLog() {
    try {
      return node.berthdLog();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Test
  void onATerminalAPullIsDrawnAgainAndAgain() throws Exception {
    Path screen = directory.resolve("screen");
    try (var silent = new ServerSocket(0, 50, InetAddress.getLoopbackAddress())) {
      String slow = "127.0.0.1:" + silent.getLocalPort() + "/slow:latest";
      String command =
          BerthNode.distribution().resolve("bin/berth")
              + (" --socket " + node.socket() + " pull " + slow);
      Process terminal =
          new ProcessBuilder("script", "-qefc", command, screen.toString())
              .redirectOutput(ProcessBuilder.Redirect.DISCARD)
              .redirectError(ProcessBuilder.Redirect.DISCARD)
              .start();
      try {
        Await.until(
            "the stage is drawn over itself",
            Duration.ofSeconds(20),
            () ->
                Files.exists(screen)
                    && Files.readString(screen).contains("fetch manifest\r\n\u001b[1A\u001b[J"));
        assertThat(screen).content().doesNotContain("{\"");
      } finally {
        terminal.destroy();
        terminal.waitFor();
      }
    }
  }

  @Test
  void imagesArePulledListedAndRemoved() {
    assertThat(node.berth("pull", image).succeeded().stdout().lines().toList().getLast())
        .startsWith("{\"id\":\"sha256:");
    assertThat(node.berth("images").succeeded().stdout())
        .contains("{\"id\":\"sha256:", "\"tags\":[\"" + image + "\"]");
    assertThat(node.berth("tag", image, "other:1").succeeded().stdout())
        .contains("\"image\":\"" + image, "\"tag\":\"other:1\"");
    assertThat(node.berth("rmi", image).succeeded().stdout())
        .isEqualTo("{\"removed\":\"" + image + "\"}\n");
    assertThat(node.berth("images").succeeded().stdout()).doesNotContain("busybox");
    Command gone = node.berth("rmi", image);
    assertThat(gone.exitCode()).isEqualTo(1);
    assertThat(gone.stderr()).isEqualTo("berth rmi: no such image: " + image + "\n");
  }

  @Test
  void runPrintsTheOutputAndPassesTheExitCode() {
    Command run = node.berth("run", "--rm", image, "sh", "-c", "echo out; echo err >&2; exit 6");
    assertThat(run.stdout()).isEqualTo("out\n");
    assertThat(run.stderr()).isEqualTo("err\n");
    assertThat(run.exitCode()).isEqualTo(6);
    assertThat(node.berth("pods").succeeded().stdout()).doesNotContain("busybox");
  }

  @Test
  void podOfTwoContainersIsListedAndLoggedAndRemoved() {
    node.berth(
            "run",
            "-d",
            "--pod",
            "duo",
            "--name",
            "one",
            "-e",
            "WORD=hi",
            image,
            "sh",
            "-c",
            "echo $WORD; exec sleep 1000")
        .succeeded();
    node.berth("run", "-d", "--pod", "duo", "--name", "two", image, "sleep", "1000").succeeded();
    assertThat(node.berth("ps").succeeded().stdout()).contains("one", "two", "duo", "running");
    assertThat(node.berth("pods").succeeded().stdout()).contains("duo", "ready", "10.213.78.");
    Await.until(
        "the log has the line",
        Duration.ofSeconds(10),
        () -> node.berth("logs", "duo/one").succeeded().stdout().equals("hi\n"));
    Command exec = node.berth("exec", "duo/two", "sh", "-c", "hostname; exit 4");
    assertThat(exec.stdout()).isEqualTo("duo\n");
    assertThat(exec.exitCode()).isEqualTo(4);

    Command refused = node.berth("rm", "duo");
    assertThat(refused.exitCode()).isEqualTo(1);
    assertThat(refused.stderr()).contains("--force");
    node.berth("stop", "--timeout", "1", "duo/one").succeeded();
    assertThat(node.berth("ps").succeeded().stdout()).contains("two").doesNotContain("one");
    assertThat(node.berth("ps", "-a").succeeded().stdout()).contains("one", "exited");
    node.berth("rm", "--force", "duo").succeeded();
    assertThat(node.berth("ps", "-a").succeeded().stdout()).doesNotContain("duo");
    assertThat(node.logDirectory().resolve("pods")).isEmptyDirectory();
  }

  @Test
  void errorsOfTheServerAreOneLine() {
    Command pull = node.berth("pull", "127.0.0.1:1/nothing:here");
    assertThat(pull.exitCode()).isEqualTo(1);
    assertThat(pull.stdout()).doesNotContain("sha256:");
    assertThat(pull.stderr()).startsWith("berth pull: ").hasLineCount(1);
  }
}
