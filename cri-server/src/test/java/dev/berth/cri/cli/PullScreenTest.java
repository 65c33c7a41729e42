package dev.berth.cri.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.berth.proto.berth.v1.Layer;
import dev.berth.proto.berth.v1.Pull;
import java.io.PrintWriter;
import java.io.StringWriter;
import org.junit.jupiter.api.Test;

class PullScreenTest {
  private static final Pull RESOLVING =
      Pull.newBuilder().setImage("app:1").setStage("fetch_manifest").build();

  private static Layer layer(long received, long total, boolean done) {
    return Layer.newBuilder()
        .setDigest("sha256:0123456789abcdef")
        .setReceivedBytes(received)
        .setTotalBytes(total)
        .setDone(done)
        .build();
  }

  @Test
  void stageIsShownUntilTheLayersAreKnown() {
    assertThat(PullScreen.lines(RESOLVING)).containsExactly("app:1: fetch manifest");
  }

  @Test
  void everyLayerHasItsBar() {
    Pull pull =
        RESOLVING.toBuilder()
            .addLayers(layer(0, 0, false))
            .addLayers(layer(500, 1000, false))
            .addLayers(layer(2_000_000, 2_000_000, true))
            .build();
    assertThat(PullScreen.lines(pull))
        .containsExactly(
            "0123456789abc  [                              ]  0 B of 0 B",
            "0123456789abc  [==============>               ]  500 B of 1.0 kB",
            "0123456789abc  [==============================]  done, 2.0 MB");
  }

  @Test
  void drawingReplacesWhatWasDrawn() {
    var out = new StringWriter();
    var screen = new PullScreen(new PrintWriter(out));
    screen.draw(RESOLVING);
    screen.draw(RESOLVING.toBuilder().setStage("record").build());
    screen.clear();
    assertThat(out)
        .hasToString("app:1: fetch manifest\n\u001b[1A\u001b[Japp:1: record\n\u001b[1A\u001b[J");
  }
}
