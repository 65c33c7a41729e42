package dev.berth.runtime.task;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.berth.base.BerthException;
import dev.berth.runtime.cgroup.Cgroup;
import dev.berth.runtime.cgroup.Cgroups;
import dev.berth.runtime.spec.Linux;
import dev.berth.runtime.spec.Mount;
import dev.berth.runtime.spec.Resources;
import dev.berth.runtime.spec.RuntimeSpec;
import dev.berth.runtime.systemd.Systemd;
import dev.berth.testing.Await;
import dev.berth.testing.BusyboxBundle;
import dev.berth.testing.RequiresSystemd;
import dev.berth.testing.Systemctl;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Containers in scopes of the host's own systemd. */
@RequiresSystemd
class ScopeTaskTest {
  private static final long MIB = 1 << 20;

  private final String top = "berthtasks" + ProcessHandle.current().pid();
  private final String slice = top + "-pod1.slice";
  private final String unit = "cri-test-c.scope";
  private TaskFixture fixture;

  @BeforeEach
  void open() throws IOException {
    fixture = new TaskFixture();
  }

  @AfterEach
  void close() throws IOException {
    fixture.close();
    Systemd.ofHost().stop(slice);
    Systemd.ofHost().stop(top + ".slice");
  }

  private RuntimeSpec spec(String script, Resources limits) {
    Linux linux =
        BusyboxBundle.linux().cgroupsPath(slice + ":cri-test:c").resources(limits).build();
    return fixture.spec(script).linux(linux).build();
  }

  private static Resources none() {
    return Resources.builder().build();
  }

  private static List<Long> members(Task task) {
    return task.cgroup().map(Cgroup::pids).orElseThrow();
  }

  @Test
  void containerAndItsCommandsAreInTheScopeAndNothingElseIs() {
    try (Task task = fixture.create("c", spec("exec sleep 1000", none()))) {
      assertThat(members(task)).containsExactly((long) task.pid());
      task.start();
      TaskProcess exec =
          task.exec(
              new ExecSpec(
                  "e", BusyboxBundle.process("sleep", "1000").build(), new TaskIo.Log(null)));
      task.startExec(exec);
      assertThat(members(task)).containsExactlyInAnyOrder((long) task.pid(), (long) exec.pid());
      task.cgroup().orElseThrow().requireMember(exec.pid());
      assertThat(Systemctl.show(unit, "ActiveState")).isEqualTo("active");
      task.kill(9, true);
      task.await(TaskFixture.LIMIT);
      exec.await(TaskFixture.LIMIT);
      task.delete();
      awaitForgotten();
    }
  }

  private void awaitForgotten() {
    Await.until(
        "the unit is forgotten",
        TaskFixture.LIMIT,
        () -> Systemctl.show(unit, "LoadState").equals("not-found"));
  }

  @Test
  void createdContainerIsDeletedWithItsScope() {
    Task task = fixture.create("c", spec("echo never", none()));
    task.delete();
    awaitForgotten();
  }

  @Test
  void failedCreateLeavesNoScope() {
    RuntimeSpec broken =
        spec("echo never", none()).toBuilder()
            .mounts(List.of(new Mount("/data", "bind", "/no/such", List.of("bind"), null, null)))
            .build();
    assertThatThrownBy(() -> fixture.create("c", broken)).isInstanceOf(BerthException.class);
    awaitForgotten();
  }

  @Test
  void scopeIsFoundAgainByAnotherJvmAndLimitsChange() {
    assumeTrue(TaskFixture.CGROUPS.version() == Cgroups.Version.V2, "cgroup v2 is mounted");
    Task first = fixture.create("c", spec("exec sleep 1000", none()));
    first.start();
    first.close();
    try (Task task = fixture.newTasks().adopt("c")) {
      task.limit(
          Resources.builder()
              .memory(Resources.Memory.builder().limit(64 * MIB).build())
              .cpu(Resources.Cpu.builder().quota(20_000L).period(100_000L).build())
              .build());
      Systemctl.daemonReload();
      assertThat(task.cgroup().orElseThrow().stats().memoryLimitBytes()).hasValue(64 * MIB);
      assertThat(Systemctl.show(unit, "CPUQuotaPerSecUSec")).isEqualTo("200ms");
      task.kill(9, true);
      assertThat(task.await(TaskFixture.LIMIT).orElseThrow().code()).isEqualTo(137);
      task.delete();
    }
    awaitForgotten();
  }

  @Test
  void frozenContainerStopsAndIsKilled() throws IOException {
    try (Task task = fixture.create("c", spec("while :; do echo tick; sleep 0.05; done", none()))) {
      task.start();
      Await.until("it ticks", TaskFixture.LIMIT, () -> Files.size(fixture.log()) > 0);
      Cgroup group = task.cgroup().orElseThrow();
      group.freeze(Duration.ofSeconds(10));
      assertThat(group.isFrozen()).isTrue();
      assertThat(Systemctl.show(unit, "ActiveState")).isEqualTo("active");
      task.kill(9, true);
      assertThat(task.await(TaskFixture.LIMIT)).isPresent();
      task.delete();
    }
    awaitForgotten();
  }

  @Test
  void containerThatEndsByItselfLeavesNothing() throws IOException {
    assertThat(fixture.run(spec("echo ran; cat /proc/self/cgroup | grep -c cri-test", none())))
        .startsWith("ran\n");
    awaitForgotten();
    assertThat(Path.of("/sys/fs/cgroup", top + ".slice", slice, unit)).doesNotExist();
  }
}
