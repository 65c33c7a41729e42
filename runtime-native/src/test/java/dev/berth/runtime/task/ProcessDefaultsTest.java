package dev.berth.runtime.task;

import static org.assertj.core.api.Assertions.assertThat;

import dev.berth.runtime.spec.ContainerProcess;
import dev.berth.runtime.spec.Rlimit;
import dev.berth.testing.BusyboxBundle;
import dev.berth.testing.RequiresRoot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A process has what its spec asks for and else what init would give it, nothing of this JVM. */
@RequiresRoot
class ProcessDefaultsTest {
  private TaskFixture fixture;

  @BeforeEach
  void open() throws IOException {
    fixture = new TaskFixture();
  }

  @AfterEach
  void close() throws IOException {
    fixture.close();
  }

  @Test
  void limitsAreThoseOfInitAndNotOfThisJvm() throws IOException {
    Map<String, String> limits = limits(BusyboxBundle.process("sleep", "1000").build());

    assertThat(limits.get("Max open files")).startsWith("1024 ");
    assertThat(limits.get("Max core file size")).startsWith("0 ");
    assertThat(limits.get("Max stack size")).startsWith("8388608 ");
    assertThat(limits.get("Max msgqueue size")).isEqualTo("819200 819200 bytes");
    assertThat(limits.get("Max nice priority")).isEqualTo("0 0");
  }

  @Test
  void limitsOfTheSpecComeFirst() throws IOException {
    Map<String, String> limits =
        limits(
            BusyboxBundle.process("sleep", "1000")
                .rlimits(
                    List.of(new Rlimit("RLIMIT_NOFILE", 333, 222), new Rlimit("RLIMIT_CORE", 5, 4)))
                .build());

    assertThat(limits.get("Max open files")).isEqualTo("222 333 files");
    assertThat(limits.get("Max core file size")).isEqualTo("4 5 bytes");
  }

  @Test
  void execHasTheSameDefaults() throws IOException {
    try (Task task = fixture.create("c", fixture.spec("sleep 1000").build())) {
      task.start();
      ContainerProcess process = BusyboxBundle.process("sleep", "1000").build();
      TaskProcess exec = task.exec(new ExecSpec("e", process, new TaskIo.Pipes(null, null, null)));
      task.startExec(exec);
      assertThat(limits(exec.pid()).get("Max open files")).startsWith("1024 ");
    }
  }

  @Test
  void stateOfTheSchedulerSignalsAndFilesIsFresh() throws IOException {
    try (Task task = fixture.create("c", fixture.spec("exec sleep 1000").build())) {
      task.start();
      Map<String, String> status = table(task.pid(), "status", ":\\s+");

      assertThat(status.get("Umask")).isEqualTo("0022");
      assertThat(status.get("SigBlk")).isEqualTo("0000000000000000");
      assertThat(status.get("SigIgn")).isEqualTo("0000000000000000");
      assertThat(status.get("Cpus_allowed_list"))
          .isEqualTo(table(1, "status", ":\\s+").get("Cpus_allowed_list"));
      assertThat(Path.of("/proc/" + task.pid() + "/oom_score_adj")).hasContent("0");
    }
  }

  private Map<String, String> limits(ContainerProcess process) throws IOException {
    try (Task task = fixture.create("c", fixture.spec("").process(process).build())) {
      task.start();
      return limits(task.pid());
    }
  }

  private static Map<String, String> limits(int pid) throws IOException {
    return table(pid, "limits", "\\s{2,}");
  }

  private static Map<String, String> table(int pid, String file, String separator)
      throws IOException {
    return Files.readAllLines(Path.of("/proc", Integer.toString(pid), file)).stream()
        .map(line -> line.split(separator, 2))
        .filter(cells -> cells.length == 2)
        .collect(
            Collectors.toMap(cells -> cells[0], cells -> cells[1].strip().replaceAll("\\s+", " ")));
  }
}
