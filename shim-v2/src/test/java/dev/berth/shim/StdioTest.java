package dev.berth.shim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.base.BerthException;
import dev.berth.runtime.task.TaskIo;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class StdioTest {
  private static TaskIo io(String stdin, String stdout, String stderr) {
    return new Stdio(stdin, stdout, stderr, false).toTaskIo();
  }

  @Test
  void pathsAndFifoUrisAreFifos() {
    assertThat(io("/in", "fifo:///out", ""))
        .isEqualTo(new TaskIo.Pipes(Path.of("/in"), Path.of("/out"), null));
  }

  @Test
  void nothingIsDevNull() {
    assertThat(io("", "", "")).isEqualTo(new TaskIo.Pipes(null, null, null));
  }

  @Test
  void berthInitAsLoggerIsALog() {
    String uri = "binary:///opt/berth/bin/berth-init?x=y&log=/var/log/a%20b/0.log";

    assertThat(io("", uri, uri)).isEqualTo(new TaskIo.Log(Path.of("/var/log/a b/0.log")));
    assertThat(io("/in", uri, ""))
        .isEqualTo(
            new TaskIo.Log(Path.of("/var/log/a b/0.log"), new TaskIo.Input.Fifo(Path.of("/in"))));
    assertThat(io("berth:///attached?once=true", uri, ""))
        .isEqualTo(new TaskIo.Log(Path.of("/var/log/a b/0.log"), new TaskIo.Input.Attached(true)));
  }

  @Test
  void outputWithoutALogIsForAttachedClientsOnly() {
    assertThat(io("berth:///attached", "berth:///unlogged", "berth:///unlogged"))
        .isEqualTo(new TaskIo.Log(null, new TaskIo.Input.Attached(false)));
    assertThat(io("", "berth:///unlogged", "")).isEqualTo(new TaskIo.Log(null));
  }

  @ParameterizedTest
  @CsvSource({
    "file://tmp/x,'',stdout",
    "binary:///bin/logger?log=/x,'',stdout",
    "binary:///bin/berth-init?log=relative,'',stdout",
    "binary:///bin/berth-init?log=/x,/other,stderr",
    "/fifo,binary:///bin/berth-init?log=/x,stderr",
    "berth:///attached,'',stdout",
    "berth:///unlogged,/other,stderr",
    "berth:///elsewhere,'',stdout",
    "http://[,'',stdout"
  })
  void whatIsNotServedIsRefusedByField(String stdout, String stderr, String field) {
    assertThatThrownBy(() -> io("", stdout, stderr))
        .isInstanceOf(BerthException.class)
        .hasMessageStartingWith(field);
  }
}
