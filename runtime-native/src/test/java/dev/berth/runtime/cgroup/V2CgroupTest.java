package dev.berth.runtime.cgroup;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.berth.base.BerthException;
import dev.berth.base.BerthException.Kind;
import dev.berth.runtime.spec.Resources;
import dev.berth.testing.Await;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/**
 * On a host where v1 has the controllers, a directory of the v2 hierarchy beside it stands for the
 * root of a pure v2 host; the tests of limits then have nothing to limit and are left out.
 */
class V2CgroupTest extends CgroupContract {
  private static final long MIB = 1 << 20;

  private Optional<Path> ownRoot = Optional.empty();
  private Path root;

  @Override
  Cgroups open() {
    Cgroups detected = DETECTED;
    MountInfo mount = mount();
    if (detected.version() == Cgroups.Version.V2) {
      root = mount.mountPoint();
      return detected;
    }
    root = mount.mountPoint().resolve("berth-test-root-" + ProcessHandle.current().pid());
    ownRoot = Optional.of(root);
    try {
      Files.createDirectories(root);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return Cgroups.v2(root, "/" + root.getFileName());
  }

  private static MountInfo mount() {
    List<MountInfo> mounts =
        MountInfo.parse(read(Path.of("/proc/self/mountinfo")), Set.of()).stream()
            .filter(MountInfo::unified)
            .toList();
    assumeTrue(!mounts.isEmpty(), "cgroup v2 is mounted");
    return mounts.getFirst();
  }

  @AfterEach
  void removeOwnRoot() throws IOException {
    if (ownRoot.isPresent()) {
      removeEverything();
      Files.delete(ownRoot.get());
    }
  }

  @Test
  void directoryCanBeEntered() {
    group.create();
    try (var directory = group.openDirectory().orElseThrow()) {
      assertThat(Path.of("/proc/self/fd/" + directory.number()).toFile()).isDirectory();
    }
  }

  @Test
  void limitsArriveInTheKernel() {
    assumeTrue(
        cgroups.controllers().containsAll(Set.of("memory", "cpu", "pids", "io")),
        "v2 has the controllers");
    group.create();
    group.apply(
        Resources.builder()
            .memory(
                Resources.Memory.builder()
                    .limit(64 * MIB)
                    .swap(64 * MIB)
                    .reservation(32 * MIB)
                    .build())
            .cpu(Resources.Cpu.builder().shares(1024L).quota(50_000L).period(200_000L).build())
            .pids(new Resources.Pids(7L))
            .hugepageLimits(List.of(new Resources.HugepageLimit("2MB", 0)))
            .unified(Map.of("memory.high", "60000000", "memory.oom.group", "1"))
            .build());
    assertThat(value("memory.max")).isEqualTo("67108864");
    assertThat(value("memory.low")).isEqualTo("33554432");
    assertThat(value("memory.high")).isEqualTo("59998208");
    assertThat(value("memory.oom.group")).isEqualTo("1");
    assertThat(value("cpu.weight")).isEqualTo("100");
    assertThat(value("cpu.max")).isEqualTo("50000 200000");
    assertThat(value("pids.max")).isEqualTo("7");
    assertThat(group.stats().memoryLimitBytes()).hasValue(64 * MIB);
    group.apply(Resources.builder().cpu(Resources.Cpu.builder().period(100_000L).build()).build());
    assertThat(value("cpu.max")).isEqualTo("50000 100000");
  }

  @Test
  void figuresOfAGroupInUseAreRead() throws IOException {
    assumeTrue(cgroups.controllers().contains("memory"), "v2 has the memory controller");
    group.create();
    run("sh", "-c", "while :; do :; done"); // one tick at least, where CPU time is counted in ticks
    Await.until("it has run", LIMIT, () -> group.stats().cpuUsageNanos().orElseThrow() > 0);
    CgroupStats stats = group.stats();
    assertThat(stats.memoryWorkingSetBytes().orElseThrow()).isPositive();
    assertThat(stats.memoryLimitBytes()).isEmpty();
    assertThat(stats.pids()).hasValue(1);
  }

  @Test
  void limitWithoutItsControllerIsNamed() {
    group.create();
    Resources resources = Resources.builder().unified(Map.of("nosuch.max", "1")).build();
    assertThatThrownBy(() -> group.apply(resources))
        .isInstanceOfSatisfying(
            BerthException.class, e -> assertThat(e.kind()).isEqualTo(Kind.FAILED_PRECONDITION))
        .hasMessage(
            "linux.resources.unified.nosuch.max: this host has no cgroup controller nosuch");
  }

  @Test
  void groupBelowAThreadedOneJoinsItsTree() throws IOException {
    assumeTrue(cgroups.controllers().contains("memory"), "v2 has the memory controller");
    // Not by create(): whoever hands memory down can have no threaded group below.
    CgroupPath pod = top.child("pod");
    Files.createDirectories(root.resolve(pod.relative()));
    Files.writeString(root.resolve(pod.file("cgroup.type")), "threaded");
    group.create();
    assertThat(value("cgroup.type")).isEqualTo("threaded");
  }

  private String value(String file) {
    return read(root.resolve(group.path().file(file)));
  }
}
