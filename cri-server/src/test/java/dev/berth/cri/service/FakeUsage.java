package dev.berth.cri.service;

import dev.berth.image.FsUsage;
import dev.berth.runtime.cgroup.CgroupDetails;
import dev.berth.runtime.cgroup.CgroupStats;
import dev.berth.runtime.cgroup.Pressure;
import dev.berth.sandbox.ContainerFilter;
import dev.berth.sandbox.ContainerMetrics;
import dev.berth.sandbox.ContainerUsage;
import dev.berth.sandbox.DiskSpace;
import dev.berth.sandbox.InterfaceUsage;
import dev.berth.sandbox.ProcessFigures;
import dev.berth.sandbox.SandboxFilter;
import dev.berth.sandbox.SandboxMetrics;
import dev.berth.sandbox.SandboxUsage;
import dev.berth.sandbox.Usage;
import dev.berth.sandbox.UsageGaps;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.stream.IntStream;

/** The same figures for every container. */
final class FakeUsage implements Usage {
  static final Instant AT = Instant.ofEpochSecond(1_800_000_007);
  static final int CONTAINERS = 120;

  private final FakeSandboxes sandboxes;
  private final FakeContainers containers;

  FakeUsage(FakeSandboxes sandboxes, FakeContainers containers) {
    this.sandboxes = sandboxes;
    this.containers = containers;
  }

  private static CgroupStats stats() {
    var stall = new Pressure.Stall(0.5, 0.25, 0.125, 4000);
    return new CgroupStats(
        OptionalLong.of(5_000_000_000L),
        OptionalLong.of(300),
        OptionalLong.of(200),
        OptionalLong.of(1000),
        OptionalLong.of(100),
        OptionalLong.of(7),
        OptionalLong.of(17),
        OptionalLong.of(11),
        OptionalLong.of(1),
        OptionalLong.of(3),
        Optional.of(new Pressure(stall, stall)),
        Optional.empty(),
        Optional.empty());
  }

  @Override
  public ContainerUsage container(String containerId) {
    return new ContainerUsage(
        containers.status(containerId),
        AT,
        Optional.of(stats()),
        OptionalLong.of(250_000_000),
        Optional.of(new FsUsage(Path.of("/layers/1"), 4096, 2, AT)));
  }

  @Override
  public List<ContainerUsage> containers(ContainerFilter filter) {
    return IntStream.range(0, CONTAINERS).mapToObj(i -> container("c-" + i)).toList();
  }

  @Override
  public SandboxUsage sandbox(String sandboxId) {
    return new SandboxUsage(
        sandboxes.status(sandboxId),
        AT,
        Optional.of(stats()),
        OptionalLong.empty(),
        List.of(
            new InterfaceUsage(
                "eth0",
                new InterfaceUsage.Traffic(10, 1, 2, 3),
                new InterfaceUsage.Traffic(20, 2, 4, 6))),
        List.of(container("c-1")));
  }

  @Override
  public List<SandboxUsage> sandboxes(SandboxFilter filter) {
    return sandboxes.list(filter).stream().map(pod -> sandbox(pod.id())).toList();
  }

  @Override
  public List<SandboxMetrics> metrics() {
    return sandboxes.list(SandboxFilter.ALL).stream().map(pod -> metrics(pod.id())).toList();
  }

  private SandboxMetrics metrics(String sandboxId) {
    SandboxUsage sandbox = sandbox(sandboxId);
    return new SandboxMetrics(
        sandbox.sandbox(),
        "/pods/" + sandboxId,
        AT,
        sandbox.interfaces(),
        sandbox.containers().stream().map(FakeUsage::metrics).toList());
  }

  private static ContainerMetrics metrics(ContainerUsage usage) {
    return new ContainerMetrics(
        usage,
        "/pods/1/" + usage.container().id(),
        new CgroupDetails(
            OptionalLong.of(3_999_999_999L),
            OptionalLong.of(1_000_000_001L),
            Optional.of(new CgroupDetails.Throttling(40, 3, 2_500_000_000L)),
            OptionalLong.of(4096),
            OptionalLong.of(1024),
            OptionalLong.of(65_536),
            OptionalLong.of(2000),
            OptionalLong.of(9),
            OptionalLong.of(2),
            OptionalLong.empty(),
            List.of(new CgroupDetails.HugePages("2MB", 2 << 20, OptionalLong.of(4 << 20))),
            List.of(new CgroupDetails.DeviceIo(8, 0, 4096, 8192, 1, 2))),
        new ProcessFigures(2, OptionalLong.of(12), OptionalLong.of(1), OptionalLong.of(1024)),
        Optional.of(new DiskSpace("/dev/sda1", 1 << 30, 1000, 900)),
        Map.of("8:0", "/dev/sda"));
  }

  @Override
  public UsageGaps gaps() {
    return new UsageGaps(Map.of("c-9", "there is no cgroup /pods/1/c-9"), 3);
  }
}
