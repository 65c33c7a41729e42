package dev.berth.runtime.cgroup;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.berth.base.BerthException;
import dev.berth.base.BerthException.Kind;
import dev.berth.runtime.kernel.Fd;
import dev.berth.runtime.spec.Resources;
import dev.berth.runtime.spec.Resources.DeviceRule;
import dev.berth.runtime.systemd.Systemd;
import dev.berth.testing.Await;
import dev.berth.testing.RequiresSystemd;
import dev.berth.testing.Systemctl;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Scopes of the host's own systemd. */
@RequiresSystemd
class ScopeCgroupTest {
  private static final Cgroups CGROUPS = Cgroups.detect();
  private static final Duration LIMIT = Duration.ofSeconds(30);
  private static final Resources NONE = Resources.builder().build();
  private static final long MIB = 1 << 20;

  private final String stem = "berthtest" + UUID.randomUUID().toString().substring(0, 8);
  private final String slice = stem + "-pod.slice";
  private final String unit = "cri-test-" + stem + ".scope";
  private final Cgroup group = CGROUPS.named(slice + ":cri-test:" + stem);
  private final List<Process> processes = new ArrayList<>();

  @AfterEach
  void removeEverything() {
    group.kill();
    group.delete(LIMIT);
    processes.forEach(Process::destroyForcibly);
    Systemd.ofHost().stop(slice);
    Systemd.ofHost().stop(stem + ".slice");
  }

  private Process sleeping() throws IOException {
    Process process = new ProcessBuilder("sleep", "1000").start();
    processes.add(process);
    return process;
  }

  private Process created(Resources limits) throws IOException {
    Process process = sleeping();
    group.create(limits, process::pid);
    return process;
  }

  private static String unitState(String unit) {
    return Systemctl.show(unit, "ActiveState");
  }

  @Test
  void scopeIsMadeInItsSliceAndGoneAfterItsEnd() throws Exception {
    Process first = created(NONE);
    assertThat(group.path().relative()).isEqualTo(stem + ".slice/" + slice + "/" + unit);
    group.requireMember(first.pid());
    assertThat(group.pids()).containsExactly(first.pid());
    assertThat(unitState(unit)).isEqualTo("active");
    assertThat(Systemctl.show(unit, "Slice")).isEqualTo(slice);
    assertThat(Systemctl.show(unit, "Delegate")).isEqualTo("yes");
    group.kill();
    group.delete(LIMIT);
    assertThat(group.directories().values()).allMatch(path -> Files.notExists(Path.of(path)));
    Await.until(
        "the unit is forgotten",
        LIMIT,
        () -> Systemctl.show(unit, "LoadState").equals("not-found"));
    group.delete(LIMIT);
  }

  @Test
  void limitsAreInTheFilesAndOutliveAReload() throws Exception {
    assumeTrue(CGROUPS.version() == Cgroups.Version.V2, "cgroup v2 is mounted");
    created(
        Resources.builder()
            .memory(Resources.Memory.builder().limit(64 * MIB).swap(64 * MIB).build())
            .cpu(Resources.Cpu.builder().shares(512L).quota(12_345L).period(100_000L).build())
            .pids(new Resources.Pids(77L))
            .unified(Map.of("memory.high", "60000000", "memory.oom.group", "1"))
            .build());
    assertLimits("67108864", "12345 100000", "77");
    assertThat(Systemctl.show(unit, "MemoryMax")).isEqualTo("67108864");
    assertThat(Systemctl.show(unit, "OOMPolicy")).isEqualTo("kill");
    Systemctl.daemonReload();
    assertLimits("67108864", "12345 100000", "77");
    assertThat(value("memory.high")).isEqualTo("59998208");
    assertThat(value("memory.oom.group")).isEqualTo("1");
    group.apply(
        Resources.builder()
            .memory(Resources.Memory.builder().limit(128 * MIB).swap(128 * MIB).build())
            .cpu(Resources.Cpu.builder().quota(50_000L).period(100_000L).build())
            .pids(new Resources.Pids(99L))
            .build());
    Systemctl.daemonReload();
    assertLimits("134217728", "50000 100000", "99");
    assertThat(value("cpu.weight")).isEqualTo(Systemctl.show(unit, "CPUWeight"));
    assertThat(Systemctl.show(unit, "TasksMax")).isEqualTo("99");
  }

  private void assertLimits(String memory, String cpu, String pids) {
    assertThat(value("memory.max")).isEqualTo(memory);
    assertThat(value("cpu.max")).isEqualTo(cpu);
    assertThat(value("pids.max")).isEqualTo(pids);
  }

  private String value(String file) {
    return CgroupContract.read(Path.of(group.directories().get("")).resolve(file));
  }

  @Test
  void deviceRulesOutliveAReload() throws Exception {
    created(
        Resources.builder()
            .devices(List.of(new DeviceRule(false, "a", null, null, "rwm")))
            .build());
    assertThat(canRead("/dev/kmsg")).isFalse();
    assertThat(canRead("/dev/zero")).isTrue();
    Systemctl.daemonReload();
    assertThat(canRead("/dev/kmsg")).isFalse();
    assertThat(canRead("/dev/zero")).isTrue();
  }

  private boolean canRead(String device) throws Exception {
    List<Fd> procs = group.openProcs();
    try {
      StringBuilder enter = new StringBuilder();
      for (Fd fd : procs) {
        enter
            .append("echo 0 > /proc/")
            .append(ProcessHandle.current().pid())
            .append("/fd/")
            .append(fd.number())
            .append(" || exit 99; ");
      }
      Process opening =
          new ProcessBuilder("sh", "-c", enter + "exec 2> /dev/null; : < " + device)
              .inheritIO()
              .start();
      assertThat(opening.waitFor(30, TimeUnit.SECONDS)).isTrue();
      assertThat(opening.exitValue()).isNotEqualTo(99);
      return opening.exitValue() == 0;
    } finally {
      procs.forEach(Fd::close);
    }
  }

  @Test
  void scopeInUseIsNotTakenOver() throws Exception {
    Process first = created(NONE);
    Process second = sleeping();
    assertThatThrownBy(() -> group.create(NONE, second::pid))
        .isInstanceOfSatisfying(
            BerthException.class, e -> assertThat(e.kind()).isEqualTo(Kind.FAILED_PRECONDITION))
        .hasMessageContaining("exists and has processes in it: [" + first.pid() + "]");
    assertThat(group.pids()).containsExactly(first.pid());
  }

  @Test
  void scopeInUseIsNotDeleted() throws Exception {
    Process first = created(NONE);
    assertThatThrownBy(() -> group.delete(Duration.ofMillis(30)))
        .isInstanceOfSatisfying(
            BerthException.class, e -> assertThat(e.kind()).isEqualTo(Kind.FAILED_PRECONDITION))
        .hasMessageContaining("[" + first.pid() + "]");
    assertThat(first.isAlive()).isTrue();
  }

  @Test
  void scopeThatFailedBeforeIsMadeAnew() throws Exception {
    Process first = created(NONE);
    first.destroyForcibly().waitFor();
    created(NONE);
    assertThat(unitState(unit)).isEqualTo("active");
  }

  @Test
  void limitThatCannotBeLeavesNothing() throws Exception {
    Process first = sleeping();
    Resources impossible =
        Resources.builder().cpu(Resources.Cpu.builder().cpus("9000").build()).build();
    assertThatThrownBy(() -> group.create(impossible, first::pid))
        .isInstanceOfSatisfying(
            BerthException.class, e -> assertThat(e.kind()).isEqualTo(Kind.INVALID_ARGUMENT))
        .hasMessageContaining("linux.resources.cpu.cpus");
    assertThat(Systemctl.show(unit, "LoadState")).isEqualTo("not-found");
  }

  @Test
  void scopeOfNoProcessIsRefused() {
    assertThatThrownBy(() -> group.create(NONE, () -> 4_000_000))
        .isInstanceOf(BerthException.class)
        .hasMessageContaining(unit + ": start: systemd");
    assertThatThrownBy(group::create).hasMessageContaining("without a process");
  }

  @Test
  void scopeIsFrozenAndThawedAndCounted() throws Exception {
    created(NONE);
    group.freeze(LIMIT);
    assertThat(group.isFrozen()).isTrue();
    assertThat(group.stats().cpuUsageNanos()).isPresent();
    assertThat(group.stats().pids()).hasValue(1);
    group.thaw();
    assertThat(group.isFrozen()).isFalse();
    group.freeze(LIMIT);
  }

  @Test
  void stoppingWhatIsUnknownSucceeds() {
    Systemd.ofHost().stop("berth-test-no-such.scope");
    assertThat(Systemd.isRunning()).isTrue();
  }
}
