package dev.berth.cri.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.berth.proto.berth.v1.Layer;
import dev.berth.proto.berth.v1.Pull;
import java.io.PrintWriter;
import java.io.StringWriter;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What commands about images print for programs, and guess from names. */
class ImageOutputTest {
  @Test
  void progressIsALineOfJsonWheneverItChanges() {
    var text = new StringWriter();
    var lines = new PullLines(new PrintWriter(text, true));
    Pull pull = Pull.newBuilder().setImage("a\"b").setStage("fetch_config").build();
    lines.draw(pull);
    lines.draw(pull);
    lines.draw(
        pull.toBuilder()
            .addLayers(
                Layer.newBuilder().setDigest("sha256:0").setReceivedBytes(1).setTotalBytes(2))
            .build());
    lines.clear();
    assertThat(text.toString().lines())
        .containsExactly(
            "{\"image\":\"a\\\"b\",\"stage\":\"fetch_config\",\"layers\":[]}",
            "{\"image\":\"a\\\"b\",\"stage\":\"fetch_config\",\"layers\":"
                + "[{\"digest\":\"sha256:0\",\"received\":1,\"total\":2,\"done\":false}]}");
  }

  @ParameterizedTest
  @CsvSource({
    "/a/b.tar, oci-archive",
    "/a/b.docker.tar, docker-archive",
    "/a/b, oci-dir",
    "/a.tar/b, oci-dir"
  })
  void theFormatOfASaveIsSeenByItsName(String path, String format) {
    assertThat(SaveCommand.formatOf(path)).isEqualTo(format);
  }
}
