package dev.berth.cri.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.proto.cri.v1.ContainerState;
import dev.berth.proto.cri.v1.PodSandboxState;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TextTest {
  @ParameterizedTest
  @CsvSource({"0,0 B", "999,999 B", "1000,1.0 kB", "4123456,4.1 MB", "519000000,519 MB"})
  void bytesAreShownInStepsOfThousand(long bytes, String text) {
    assertThat(Text.bytes(bytes)).isEqualTo(text);
  }

  @ParameterizedTest
  @CsvSource({"0,0s", "59,59s", "60,1m", "3599,59m", "7200,2h", "172800,2d", "-5,0s"})
  void ageIsShownInItsLargestUnit(long seconds, String text) {
    Instant now = Instant.ofEpochSecond(1_800_000_000);
    long created = (now.getEpochSecond() - seconds) * 1_000_000_000L;
    assertThat(Text.age(created, now)).isEqualTo(text);
  }

  @Test
  void statesAreShownAsWords() {
    assertThat(Text.state(ContainerState.CONTAINER_RUNNING)).isEqualTo("running");
    assertThat(Text.state(PodSandboxState.SANDBOX_NOTREADY)).isEqualTo("notready");
  }

  @Test
  void shortIdLeavesTheAlgorithmOut() {
    assertThat(Text.shortId("sha256:0123456789abcdef")).isEqualTo("0123456789abc");
    assertThat(Text.shortId("abc")).isEqualTo("abc");
  }

  @Test
  void columnsAreAlignedWithoutTrailingSpaces() {
    var table = new Table("A", "LONG", "C");
    table.row("1", "2", "");
    table.row("wide", "x", "y");
    var out = new StringWriter();
    table.print(new PrintWriter(out, true));
    assertThat(out).hasToString("A      LONG   C\n1      2\nwide   x      y\n");
  }

  @ParameterizedTest
  @CsvSource({
    "busybox,busybox",
    "registry:5000/a/My_App:1.2,my-app",
    "docker.io/library/web@sha256:00,web"
  })
  void containerIsNamedAfterItsImage(String image, String name) {
    assertThat(PodConfigs.nameFromImage(image)).isEqualTo(name);
  }

  @Test
  void volumesAreBindMounts() {
    var mounts = PodConfigs.mounts(List.of("/a:/b", "/c:/d:ro"));
    assertThat(mounts.get(0).getHostPath()).isEqualTo("/a");
    assertThat(mounts.get(0).getContainerPath()).isEqualTo("/b");
    assertThat(mounts.get(0).getReadonly()).isFalse();
    assertThat(mounts.get(1).getReadonly()).isTrue();
    assertThatThrownBy(() -> PodConfigs.mounts(List.of("/a:/b:rw:x")))
        .isInstanceOf(CliException.class);
  }
}
