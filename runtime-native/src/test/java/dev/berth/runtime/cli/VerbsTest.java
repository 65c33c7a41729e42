package dev.berth.runtime.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class VerbsTest {
  @ParameterizedTest
  @CsvSource({
    "list, list",
    "--root run list, list",
    "--root=/x --debug --log run --log-format json exec c ps, exec",
    "--systemd-cgroup create -b . id, create"
  })
  void verbIsFoundBehindOptionsAndTheirValues(String line, String verb) {
    assertThat(Verbs.find(List.of(line.split(" ")))).contains(verb);
  }

  @ParameterizedTest
  @CsvSource({"--version", "--root", "nosuch list", "--root run"})
  void whereThereIsNoneAllAreKnown(String line) {
    assertThat(Verbs.find(List.of(line.split(" ")))).isEmpty();
  }

  @Test
  void everyVerbIsOne() {
    assertThat(RuntimeCli.commandLine().getSubcommands().keySet())
        .containsExactlyInAnyOrderElementsOf(Verbs.names());
  }
}
