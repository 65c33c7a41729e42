package dev.berth.runtime.plan;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.runtime.spec.ContainerProcess;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ProgramSearchTest {
  @ParameterizedTest
  @CsvSource({
    "PATH=/a:/b, x, /a/x /b/x",
    "PATH=/a:, x, /a/x ./x",
    "PATH=, x, ./x",
    "PATH=/a, /bin/x, /bin/x",
    "PATH=/a, ./x, ./x",
    "PATH=/a, sub/x, sub/x",
    "XPATH=/no, x, /usr/local/sbin/x /usr/local/bin/x /usr/sbin/x /usr/bin/x /sbin/x /bin/x"
  })
  void nameIsLookedForAsExecvpWould(String variable, String name, String expected) {
    assertThat(search(List.of(variable), List.of(name))).containsExactly(expected.split(" ", -1));
  }

  @Test
  void lastPathCounts() {
    assertThat(search(List.of("PATH=/first", "A=b", "PATH=/last"), List.of("x")))
        .containsExactly("/last/x");
  }

  @Test
  void emptyNameIsTriedAsItIs() {
    assertThat(search(List.of("PATH=/a"), List.of(""))).containsExactly("");
  }

  @Test
  void argumentsMustNotBeEmpty() {
    assertThatThrownBy(() -> search(List.of(), List.of())).hasMessage("process.args: is empty");
  }

  private static List<String> search(List<String> environment, List<String> arguments) {
    return ProgramSearch.candidates(
        ContainerProcess.builder().env(environment).args(arguments).build());
  }
}
