package dev.berth.runtime.cgroup;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.berth.base.BerthException;
import dev.berth.base.BerthException.Kind;
import dev.berth.runtime.kernel.Fd;
import dev.berth.runtime.kernel.ReadBuffer;
import dev.berth.runtime.spec.Resources;
import dev.berth.runtime.spec.Resources.DeviceRule;
import dev.berth.testing.Await;
import dev.berth.testing.RequiresRoot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What a group does in both cgroup versions, on the running kernel. */
@RequiresRoot
abstract class CgroupContract {
  /** One for all tests: it holds a descriptor per hierarchy for as long as the JVM lives. */
  static final Cgroups DETECTED = Cgroups.detect();

  static final Duration LIMIT = Duration.ofSeconds(10);
  private static final DeviceRule DENY_ALL = new DeviceRule(false, "a", null, null, "rwm");
  private static final DeviceRule ALLOW_KMSG = new DeviceRule(true, "c", 1L, 11L, "r");

  final CgroupPath top = CgroupPath.parse("/berth-test-" + UUID.randomUUID());
  private final List<Process> processes = new ArrayList<>();

  /** The host's groups; called once per test. */
  abstract Cgroups open();

  Cgroups cgroups;
  Cgroup group;

  @BeforeEach
  void nameGroup() {
    cgroups = open();
    group = cgroups.at(top.child("pod").child("container"));
  }

  @AfterEach
  void removeEverything() {
    if (cgroups == null) {
      return; // the host lacks this version
    }
    Cgroup all = cgroups.at(top);
    all.kill();
    processes.forEach(Process::destroyForcibly);
    all.delete(LIMIT);
  }

  @Test
  void groupIsMadeWithItsParentsAndDeletedWithItsChildren() {
    group.create();
    cgroups.at(group.path().child("below")).create();
    assertThat(group.stats().memoryUsageBytes().orElse(0)).isGreaterThanOrEqualTo(0);
    group.delete(LIMIT);
    assertThatThrownBy(group::stats)
        .isInstanceOfSatisfying(
            BerthException.class, e -> assertThat(e.kind()).isEqualTo(Kind.NOT_FOUND));
    cgroups.at(top.child("pod")).stats();
  }

  @Test
  void meterReadsAgainFromTheFilesItKeepsOpen() {
    group.create();
    try (CgroupMeter meter = group.meter()) {
      assertThat(meter.openFiles()).isZero();
      CgroupStats first = meter.stats(new ReadBuffer());
      int held = meter.openFiles();
      assertThat(held).isBetween(1, CgroupMeter.MOST_FILES);
      assertThat(meter.stats(new ReadBuffer()).cpuUsageNanos()).isEqualTo(first.cpuUsageNanos());
      assertThat(meter.openFiles()).isEqualTo(held);
    }
  }

  @Test
  void meterOfAGroupThatIsGoneHoldsNothing() {
    group.create();
    var buffer = new ReadBuffer();
    try (CgroupMeter meter = group.meter()) {
      meter.stats(buffer);
      group.delete(LIMIT);
      assertThatThrownBy(() -> meter.stats(buffer))
          .isInstanceOfSatisfying(
              BerthException.class, e -> assertThat(e.kind()).isEqualTo(Kind.NOT_FOUND));
      assertThat(meter.openFiles()).isZero();
      group.create();
      assertThat(meter.stats(buffer).cpuUsageNanos()).isEqualTo(group.stats().cpuUsageNanos());
    }
  }

  @Test
  void closedMeterStaysClosed() {
    group.create();
    CgroupMeter meter = group.meter();
    meter.stats(new ReadBuffer());
    meter.close();
    meter.close();
    assertThat(meter.openFiles()).isZero();
    assertThatThrownBy(() -> meter.stats(new ReadBuffer())).isInstanceOf(BerthException.class);
  }

  @Test
  void detailsOfAGroupThatIsGoneAreEmpty() {
    assertThat(group.details().cpuUserNanos()).isEmpty();
    assertThat(group.details().devices()).isEmpty();
  }

  @Test
  void deletingTwiceSucceeds() {
    group.create();
    group.delete(LIMIT);
    group.delete(LIMIT);
    group.kill();
    assertThat(group.isPopulated()).isFalse();
    assertThat(group.pids()).isEmpty();
  }

  @Test
  void emptyGroupIsTakenOver() {
    group.create();
    group.create();
  }

  @Test
  void groupInUseIsNotTakenOver() throws IOException {
    group.create();
    Process sleeping = run("sleep", "60");
    assertThatThrownBy(group::create)
        .isInstanceOfSatisfying(
            BerthException.class, e -> assertThat(e.kind()).isEqualTo(Kind.FAILED_PRECONDITION))
        .hasMessageContaining("has processes in it: [" + sleeping.pid() + "]");
    group.requireMember(sleeping.pid());
  }

  @Test
  void groupBelowAFrozenOneIsRefusedAndLeavesNothing() {
    Cgroup pod = cgroups.at(top.child("pod"));
    pod.create();
    pod.freeze(LIMIT);
    assertThat(pod.isFrozen()).isTrue();
    assertThatThrownBy(group::create)
        .isInstanceOf(BerthException.class)
        .hasMessageContaining("is frozen");
    assertThatThrownBy(group::stats).isInstanceOf(BerthException.class);
    pod.thaw();
    assertThat(pod.isFrozen()).isFalse();
    group.create();
  }

  @Test
  void memberElsewhereIsReported() {
    group.create();
    long self = ProcessHandle.current().pid();
    assertThatThrownBy(() -> group.requireMember(self))
        .isInstanceOf(BerthException.class)
        .hasMessageContaining("process " + self + " should be in cgroup /")
        .hasMessageContaining("but is in /");
  }

  @Test
  void processesAreListedMovedAndCounted() throws IOException {
    group.create();
    Process inside = run("sleep", "60");
    Process moved = new ProcessBuilder("sleep", "60").start();
    processes.add(moved);
    group.add(moved.pid());
    assertThat(group.pids()).containsExactlyInAnyOrder(inside.pid(), moved.pid());
    assertThat(cgroups.at(top).pids()).hasSize(2);
    assertThat(group.isPopulated()).isTrue();
  }

  @Test
  void frozenProcessesStopAndGoOn() throws Exception {
    group.create();
    Process counting = run("sh", "-c", "while :; do echo; done");
    group.freeze(LIMIT);
    assertThat(group.isFrozen()).isTrue();
    counting.getInputStream().skipNBytes(counting.getInputStream().available());
    assertThat(counting.getInputStream().available()).isZero();
    group.thaw();
    Await.until("output goes on", LIMIT, () -> counting.getInputStream().available() > 0);
  }

  @Test
  void killingEndsFrozenAndForkingProcesses() throws Exception {
    group.create();
    Process forking = run("sh", "-c", "while :; do sleep 5 & done");
    Await.until("it forks", LIMIT, () -> group.pids().size() > 20);
    group.freeze(LIMIT);
    group.kill();
    assertThat(forking.waitFor(10, TimeUnit.SECONDS)).isTrue();
    Await.until("all are gone", LIMIT, () -> !group.isPopulated());
  }

  @Test
  void deletingWaitsForProcessesThatAreAboutToEnd() throws IOException {
    group.create();
    run("sleep", "60");
    run("sleep", "60");
    group.kill();
    group.delete(LIMIT);
    assertThatThrownBy(group::stats).isInstanceOf(BerthException.class);
  }

  @Test
  void groupThatStaysInUseIsNotDeleted() throws IOException {
    group.create();
    Process sleeping = run("sleep", "60");
    assertThatThrownBy(() -> group.delete(Duration.ofMillis(30)))
        .isInstanceOfSatisfying(
            BerthException.class, e -> assertThat(e.kind()).isEqualTo(Kind.FAILED_PRECONDITION))
        .hasMessageContaining("[" + sleeping.pid() + "]");
  }

  @Test
  void deviceRulesAreKeptAndChanged() throws Exception {
    group.create();
    assertThat(canRead("/dev/kmsg")).isTrue();
    group.apply(devices(DENY_ALL));
    assertThat(canRead("/dev/kmsg")).isFalse();
    assertThat(canRead("/dev/zero")).isTrue();
    group.apply(devices(DENY_ALL, ALLOW_KMSG));
    assertThat(canRead("/dev/kmsg")).isTrue();
    group.apply(devices(DENY_ALL));
    assertThat(canRead("/dev/kmsg")).isFalse();
    group.apply(devices(new DeviceRule(true, "a", null, null, "rwm")));
    assertThat(canRead("/dev/kmsg")).isTrue();
  }

  @Test
  void killsForWantOfMemoryAreCounted() throws Exception {
    assumeTrue(cgroups.controllers().contains("memory"), "there is a memory controller");
    group.create();
    long limit = 16 << 20;
    group.apply(
        Resources.builder()
            .memory(Resources.Memory.builder().limit(limit).swap(limit).build())
            .build());
    assertThat(group.oomKills()).hasValue(0);
    Process greedy = run("sh", "-c", "x=$(head -c 100m /dev/zero | tr '\\0' x)");
    assertThat(greedy.waitFor(30, TimeUnit.SECONDS)).isTrue();
    assertThat(greedy.exitValue()).isEqualTo(128 + 9);
    assertThat(group.oomKills().orElseThrow()).isPositive();
    group.delete(LIMIT);
    assertThat(group.oomKills()).isEmpty();
  }

  private static Resources devices(DeviceRule... rules) {
    return Resources.builder().devices(List.of(rules)).build();
  }

  private boolean canRead(String device) throws Exception {
    Process opening = run("sh", "-c", ": < " + device);
    assertThat(opening.waitFor(10, TimeUnit.SECONDS)).isTrue();
    return opening.exitValue() == 0;
  }

  /** Starts a program that has entered the group, as a launch plan does. */
  final Process run(String... command) throws IOException {
    List<Fd> procs = group.openProcs();
    try {
      List<String> line = new ArrayList<>(List.of("sh", "-c"));
      StringBuilder enter = new StringBuilder();
      for (Fd fd : procs) {
        Path file = Path.of("/proc/" + ProcessHandle.current().pid() + "/fd/" + fd.number());
        enter.append("echo 0 > ").append(file).append(" || exit 99; ");
      }
      line.add(enter + "echo in; exec \"$@\"");
      line.add("enter");
      line.addAll(List.of(command));
      Process process =
          new ProcessBuilder(line).redirectError(ProcessBuilder.Redirect.DISCARD).start();
      processes.add(process);
      assertThat(process.getInputStream().readNBytes(3))
          .as("entered")
          .containsExactly('i', 'n', '\n');
      return process;
    } finally {
      procs.forEach(Fd::close);
    }
  }

  static String read(Path file) {
    try {
      return Files.readString(file).strip();
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }
}
