package dev.berth.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.berth.runtime.spec.RuntimeSpec;
import dev.berth.testing.BusyboxBundle;
import dev.berth.testing.RequiresRoot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code berth-runtime} as a program, started by a caller who has directories of the host open. */
@RequiresRoot
class RuntimeCommandTest {
  /** Descriptors 3 to 9: a shell has numbers of one digit. */
  private static final String LEAKS = "exec 3</ 4</etc 5</root 6</proc 7</sys 8</usr 9</; ";

  @TempDir private Path directory;
  private Path rootfs;

  @BeforeEach
  void makeBundle() throws IOException {
    Files.createDirectory(directory.resolve("records"));
    rootfs = BusyboxBundle.makeRootfs(directory.resolve("rootfs"));
  }

  @AfterEach
  void nothingIsRecorded() {
    assertThat(directory.resolve("records")).isEmptyDirectory();
  }

  @Test
  void openFilesOfTheCallerStayItsOwn() throws IOException {
    write(BusyboxBundle.spec(rootfs, "exec ls /proc/self/fd").build());
    assertThat(berth("run --bundle . leaky").succeeded().stdout())
        .isEqualTo("0\n1\n2\n3\n"); // its own
  }

  @Test
  void onlyAsManyArePassedAsAreAskedFor() throws IOException {
    write(
        BusyboxBundle.spec(
                rootfs, "for i in 3 4 5 6; do test -d /proc/self/fd/$i/. && echo $i; done")
            .build());
    assertThat(berth("run --preserve-fds 2 --bundle . passed").stdout()).isEqualTo("3\n4\n");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"run", "create", "run --detach --preserve-fds 5", "create --preserve-fds 7"})
  void noneIsAWorkingDirectory(String command) throws IOException {
    for (int number = 3; number <= 9; number++) {
      write(
          BusyboxBundle.spec(rootfs, "")
              .process(BusyboxBundle.process("pwd").cwd("/proc/self/fd/" + number).build())
              .build());
      Command refused = berth(command + " --bundle . escape");
      assertThat(refused.exitCode()).isEqualTo(1);
      assertThat(refused.stderr()).contains("process.cwd: ");
    }
  }

  private void write(RuntimeSpec spec) throws IOException {
    Files.write(directory.resolve("config.json"), spec.toJson());
  }

  private Command berth(String arguments) {
    String line =
        "cd '%s' && %s exec '%s' --root '%s' %s"
            .formatted(
                directory,
                LEAKS,
                BerthNode.distribution().resolve("bin/berth-runtime"),
                directory.resolve("records"),
                arguments);
    return Command.run(Map.of(), List.of("sh", "-c", line));
  }
}
