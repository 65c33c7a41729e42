package dev.berth.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.berth.testing.RequiresRoot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The distribution as files: it runs from anywhere, and its programs are clean on a pipe. */
class DistributionTest {
  @TempDir private Path directory;

  private static Path bin(String program) {
    return BerthNode.distribution().resolve("bin").resolve(program);
  }

  private static Command run(Path program, String... arguments) {
    var words = new ArrayList<>(List.of(program.toString()));
    words.addAll(List.of(arguments));
    return Command.run(Map.of(), words);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"berthd", "berth", "containerd-shim-berth-v2", "berth-runtime", "berth-init"})
  void programIsThere(String program) {
    assertThat(bin(program)).isExecutable();
  }

  /** What runs as another user than its caller, or can be changed by one, is a way in (R27). */
  @Test
  void nothingIsSetuidOrWritableByOthers() {
    String home = BerthNode.distribution().toString();
    assertThat(Command.output("find", home, "-perm", "/6000")).isEmpty();
    assertThat(Command.output("find", home, "!", "-type", "l", "-perm", "/022")).isEmpty();
  }

  @Test
  void runsFromWhereverItIsCopiedAndThroughALink() throws IOException {
    Path copy = directory.resolve("copy with space");
    Command.output("cp", "-r", BerthNode.distribution().toString(), copy.toString());
    Path link = Files.createSymbolicLink(directory.resolve("berth"), copy.resolve("bin/berth"));
    for (Path program : List.of(copy.resolve("bin/berth"), link)) {
      Command version = run(program, "--version");
      assertThat(version.exitCode()).as(version.stderr()).isZero();
      assertThat(version.stdout()).startsWith("berth ");
      assertThat(version.stderr()).isEmpty();
    }
  }

  @Test
  void printedDefaultConfigurationIsCleanOnAPipe() {
    Command printed = run(bin("berth"), "config", "default").succeeded();
    assertThat(printed.stdout()).contains("root = \"/var/lib/berth\"", "[handlers.berth]");
    assertThat(printed.stderr()).isEmpty();
  }

  @Test
  void optionsFromTheEnvironmentDoNotReachTheJvm() {
    Command version =
        Command.run(
            Map.of("JAVA_TOOL_OPTIONS", "-Dx=y", "JDK_JAVA_OPTIONS", "-Dx=y"),
            List.of(bin("berth").toString(), "--version"));
    assertThat(version.succeeded().stderr()).isEmpty();
  }

  @Test
  void optionsMeantForBerthReachTheJvm() {
    Command version =
        Command.run(
            Map.of("BERTH_JVM_OPTIONS", "-Dx=* -showversion"),
            List.of(bin("berth").toString(), "--version"));
    assertThat(version.succeeded().stderr()).contains("Runtime Environment");
  }

  @Test
  void wrongUsageIsOneErrorAndExitCodeTwo() {
    Command wrong = run(bin("berth"), "pul");
    assertThat(wrong.exitCode()).isEqualTo(2);
    assertThat(wrong.stdout()).isEmpty();
    assertThat(wrong.stderr()).contains("pul");
  }

  @Test
  void missingServerIsOneErrorAndExitCodeOne() {
    Command info = run(bin("berth"), "--socket", "/nonexistent.sock", "info");
    assertThat(info.exitCode()).isEqualTo(1);
    assertThat(info.stderr())
        .isEqualTo("berth info: no CRI socket at /nonexistent.sock; is berthd running?\n");
  }

  @Test
  void berthdSaysHowItIsCalled() {
    Command help = run(bin("berthd"), "--help");
    assertThat(help.exitCode()).isZero();
    assertThat(help.stderr()).isEmpty();
    assertThat(help.stdout()).contains("--config FILE", "--cgroup-driver (\"", "--root (\"");
    assertThat(run(bin("berthd"), "--version").stdout()).matches("berthd \\d+\\.\\d+\\.\\d+\n");
  }

  @Test
  void wrongFlagOfBerthdIsOneErrorAndExitCodeTwo() {
    Command wrong = run(bin("berthd"), "--rot=/x");
    assertThat(wrong.exitCode()).isEqualTo(2);
    assertThat(wrong.stdout()).isEmpty();
    assertThat(wrong.stderr()).isEqualTo("berthd: unknown flag --rot; did you mean --root?\n");
  }

  @Test
  @RequiresRoot
  void wrongKeyOfTheConfigurationIsOneErrorWithItsPlace() throws IOException {
    Path file = Files.writeString(directory.resolve("config.toml"), "root = '/x'\nstat = '/y'\n");
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-r--r--"));
    Command wrong = run(bin("berthd"), "--config", file.toString());
    assertThat(wrong.exitCode()).isEqualTo(2);
    assertThat(wrong.stderr())
        .isEqualTo("berthd: " + file + ":2:1: unknown key stat; did you mean state?\n");
  }

  @Test
  @RequiresRoot
  void foreignMountNamespaceIsRefusedWithTheWayOut() {
    Command refused =
        Command.run(
            Map.of(),
            List.of(
                "unshare",
                "--mount",
                bin("berthd").toString(),
                "--config=",
                "--root=" + directory.resolve("root"),
                "--state=" + directory.resolve("state")));
    assertThat(refused.exitCode()).isEqualTo(1);
    assertThat(refused.stderr()).contains("PID 1", "--any-mount-namespace");
    assertThat(directory).isEmptyDirectory();
  }
}
