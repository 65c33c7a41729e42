package dev.berth.runtime.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.berth.base.AtomicFiles;
import dev.berth.runtime.spec.Root;
import dev.berth.runtime.spec.RuntimeSpec;
import dev.berth.testing.Await;
import dev.berth.testing.BusyboxBundle;
import dev.berth.testing.RequiresRoot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What is run in the foreground gets the signals of the program that runs it, here a JVM apart. */
@RequiresRoot
class ForwardedSignalsTest {
  private static final Duration LIMIT = Duration.ofSeconds(30);

  private Path base;

  @BeforeEach
  void makeBundle() throws IOException {
    base = Files.createTempDirectory(Path.of("/tmp"), "berth-signals");
    Path rootfs = BusyboxBundle.makeRootfs(base.resolve("bundle/rootfs"));
    RuntimeSpec spec =
        BusyboxBundle.spec(rootfs, "trap 'exit 7' USR1; echo ready; while true; do sleep 0.1; done")
            .root(new Root("rootfs", false))
            .build();
    Files.write(base.resolve("bundle/config.json"), spec.toJson());
  }

  @AfterEach
  void remove() throws Exception {
    runtime("delete", "--force", "c").waitFor();
    AtomicFiles.deleteTree(base);
  }

  @Test
  void runPassesThemOnAndEndsAsItsContainerDoes() throws Exception {
    Process run = runtime("run", "--bundle", base.resolve("bundle").toString(), "c");
    awaitOutput("ready");
    signal(run, "USR1");
    assertThat(run.waitFor(30, TimeUnit.SECONDS)).isTrue();
    assertThat(run.exitValue()).as(output()).isEqualTo(7);
  }

  @Test
  void execPassesThemOnToItsProcessAlone() throws Exception {
    Process run = runtime("run", "--bundle", base.resolve("bundle").toString(), "c");
    awaitOutput("ready");
    Process exec =
        runtime(
            "exec",
            "c",
            "sh",
            "-c",
            "trap 'exit 9' TERM; echo there; while true; do sleep 0.1; done");
    awaitOutput("there");
    signal(exec, "TERM"); // HUP stays ignored in a JVM under nohup
    assertThat(exec.waitFor(30, TimeUnit.SECONDS)).isTrue();
    assertThat(exec.exitValue()).as(output()).isEqualTo(9);
    assertThat(run.isAlive()).isTrue();
    signal(run, "USR1");
    assertThat(run.waitFor(30, TimeUnit.SECONDS)).isTrue();
  }

  private Process runtime(String... arguments) throws IOException {
    String machine = System.getProperty("os.arch").equals("aarch64") ? "arm64" : "amd64";
    Path init =
        Path.of(System.getProperty("berth.root.dir"), "runtime-native/target/native", machine)
            .resolve("berth-init");
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin/java").toString(),
                "--enable-native-access=ALL-UNNAMED",
                "-Dberth.init=" + init,
                "-cp",
                System.getProperty(
                    "surefire.test.class.path", System.getProperty("java.class.path")),
                RuntimeCli.class.getName(),
                "--root",
                base.resolve("state").toString()));
    command.addAll(List.of(arguments));
    return new ProcessBuilder(command)
        .redirectErrorStream(true)
        .redirectOutput(ProcessBuilder.Redirect.appendTo(base.resolve("output").toFile()))
        .start();
  }

  private void awaitOutput(String text) {
    Await.until("the process says " + text, LIMIT, () -> output().contains(text));
  }

  private String output() throws IOException {
    Path file = base.resolve("output");
    return Files.exists(file) ? Files.readString(file) : "";
  }

  private static void signal(Process process, String name) throws Exception {
    assertThat(new ProcessBuilder("kill", "-s", name, "" + process.pid()).start().waitFor())
        .isZero();
  }
}
