package dev.berth.cri.service;

import dev.berth.image.FsUsage;
import dev.berth.proto.cri.v1.ContainerAttributes;
import dev.berth.proto.cri.v1.ContainerConfig;
import dev.berth.proto.cri.v1.ContainerStats;
import dev.berth.proto.cri.v1.ContainerStatsFilter;
import dev.berth.proto.cri.v1.CpuUsage;
import dev.berth.proto.cri.v1.IoUsage;
import dev.berth.proto.cri.v1.LinuxPodSandboxStats;
import dev.berth.proto.cri.v1.MemoryUsage;
import dev.berth.proto.cri.v1.NetworkInterfaceUsage;
import dev.berth.proto.cri.v1.NetworkUsage;
import dev.berth.proto.cri.v1.PodSandboxAttributes;
import dev.berth.proto.cri.v1.PodSandboxConfig;
import dev.berth.proto.cri.v1.PodSandboxStats;
import dev.berth.proto.cri.v1.PodSandboxStatsFilter;
import dev.berth.proto.cri.v1.ProcessUsage;
import dev.berth.proto.cri.v1.PsiData;
import dev.berth.proto.cri.v1.PsiStats;
import dev.berth.proto.cri.v1.SwapUsage;
import dev.berth.proto.cri.v1.UInt64Value;
import dev.berth.runtime.cgroup.CgroupStats;
import dev.berth.runtime.cgroup.Pressure;
import dev.berth.sandbox.ContainerFilter;
import dev.berth.sandbox.ContainerUsage;
import dev.berth.sandbox.InterfaceUsage;
import dev.berth.sandbox.SandboxFilter;
import dev.berth.sandbox.SandboxUsage;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.Consumer;

/** What pods and containers use, in CRI's words. A figure that the host lacks is left out. */
final class UsageMessages {
  private UsageMessages() {}

  static ContainerFilter filter(ContainerStatsFilter filter) {
    return new ContainerFilter(
        Optional.of(filter.getId()).filter(id -> !id.isEmpty()),
        Optional.of(filter.getPodSandboxId()).filter(id -> !id.isEmpty()),
        Optional.empty(),
        filter.getLabelSelectorMap());
  }

  static SandboxFilter filter(PodSandboxStatsFilter filter) {
    return new SandboxFilter(
        Optional.of(filter.getId()).filter(id -> !id.isEmpty()),
        Optional.empty(),
        filter.getLabelSelectorMap());
  }

  static ContainerStats container(ContainerUsage usage) {
    ContainerConfig config = usage.container().config();
    var stats =
        ContainerStats.newBuilder()
            .setAttributes(
                ContainerAttributes.newBuilder()
                    .setId(usage.container().id())
                    .setMetadata(config.getMetadata())
                    .putAllLabels(config.getLabelsMap())
                    .putAllAnnotations(config.getAnnotationsMap()));
    long at = Times.nanos(usage.at());
    usage
        .cgroup()
        .ifPresent(cgroup -> {
          stats.setCpu(cpu(at, cgroup, usage.cpuNanosPerSecond()));
          stats.setMemory(memory(at, cgroup));
          stats.setSwap(swap(at, cgroup));
          cgroup.ioPressure().ifPresent(pressure -> stats.setIo(io(at, pressure)));
        });
    Optional<FsUsage> layer = usage.writableLayer();
    layer.ifPresent(written -> stats.setWritableLayer(ImageMessages.usage(written)));
    return stats.build();
  }

  static PodSandboxStats sandbox(SandboxUsage usage) {
    PodSandboxConfig config = usage.sandbox().config();
    long at = Times.nanos(usage.at());
    var linux = LinuxPodSandboxStats.newBuilder();
    usage
        .cgroup()
        .ifPresent(cgroup -> {
          linux.setCpu(cpu(at, cgroup, usage.cpuNanosPerSecond()));
          linux.setMemory(memory(at, cgroup));
          cgroup.ioPressure().ifPresent(pressure -> linux.setIo(io(at, pressure)));
          var process = ProcessUsage.newBuilder().setTimestamp(at);
          ifPresent(cgroup.pids(), process::setProcessCount);
          linux.setProcess(process);
        });
    if (!usage.interfaces().isEmpty()) {
      linux.setNetwork(network(at, usage.interfaces()));
    }
    usage.containers().forEach(container -> linux.addContainers(container(container)));
    return PodSandboxStats.newBuilder()
        .setAttributes(
            PodSandboxAttributes.newBuilder()
                .setId(usage.sandbox().id())
                .setMetadata(config.getMetadata())
                .putAllLabels(config.getLabelsMap())
                .putAllAnnotations(config.getAnnotationsMap()))
        .setLinux(linux)
        .build();
  }

  private static CpuUsage cpu(long at, CgroupStats cgroup, OptionalLong nanosPerSecond) {
    var cpu = CpuUsage.newBuilder().setTimestamp(at);
    ifPresent(cgroup.cpuUsageNanos(), cpu::setUsageCoreNanoSeconds);
    ifPresent(nanosPerSecond, cpu::setUsageNanoCores);
    cgroup.cpuPressure().ifPresent(pressure -> cpu.setPsi(psi(pressure)));
    return cpu.build();
  }

  private static MemoryUsage memory(long at, CgroupStats cgroup) {
    var memory = MemoryUsage.newBuilder().setTimestamp(at);
    ifPresent(cgroup.memoryWorkingSetBytes(), memory::setWorkingSetBytes);
    ifPresent(
        left(cgroup.memoryLimitBytes(), cgroup.memoryWorkingSetBytes()), memory::setAvailableBytes);
    ifPresent(cgroup.memoryUsageBytes(), memory::setUsageBytes);
    ifPresent(cgroup.memoryRssBytes(), memory::setRssBytes);
    ifPresent(cgroup.pageFaults(), memory::setPageFaults);
    ifPresent(cgroup.majorPageFaults(), memory::setMajorPageFaults);
    cgroup.memoryPressure().ifPresent(pressure -> memory.setPsi(psi(pressure)));
    return memory.build();
  }

  private static SwapUsage swap(long at, CgroupStats cgroup) {
    var swap = SwapUsage.newBuilder().setTimestamp(at);
    ifPresent(cgroup.swapUsageBytes(), swap::setSwapUsageBytes);
    ifPresent(left(cgroup.swapLimitBytes(), cgroup.swapUsageBytes()), swap::setSwapAvailableBytes);
    return swap.build();
  }

  private static OptionalLong left(OptionalLong limit, OptionalLong used) {
    return limit.isEmpty() || used.isEmpty()
        ? OptionalLong.empty()
        : OptionalLong.of(Math.max(0, limit.getAsLong() - used.getAsLong()));
  }

  private static IoUsage io(long at, Pressure pressure) {
    return IoUsage.newBuilder().setTimestamp(at).setPsi(psi(pressure)).build();
  }

  private static PsiStats psi(Pressure pressure) {
    return PsiStats.newBuilder()
        .setSome(psi(pressure.some()))
        .setFull(psi(pressure.full()))
        .build();
  }

  private static PsiData psi(Pressure.Stall stall) {
    return PsiData.newBuilder()
        .setTotal(stall.totalNanos())
        .setAvg10(stall.avg10())
        .setAvg60(stall.avg60())
        .setAvg300(stall.avg300())
        .build();
  }

  /** The first interface is the pod's own. */
  private static NetworkUsage network(long at, List<InterfaceUsage> interfaces) {
    var network =
        NetworkUsage.newBuilder()
            .setTimestamp(at)
            .setDefaultInterface(networkInterface(interfaces.getFirst()));
    interfaces.stream().skip(1).forEach(device -> network.addInterfaces(networkInterface(device)));
    return network.build();
  }

  private static NetworkInterfaceUsage networkInterface(InterfaceUsage device) {
    return NetworkInterfaceUsage.newBuilder()
        .setName(device.name())
        .setRxBytes(number(device.received().bytes()))
        .setRxErrors(number(device.received().errors()))
        .setTxBytes(number(device.transmitted().bytes()))
        .setTxErrors(number(device.transmitted().errors()))
        .build();
  }

  private static void ifPresent(OptionalLong value, Consumer<UInt64Value> set) {
    value.ifPresent(number -> set.accept(number(number)));
  }

  private static UInt64Value number(long value) {
    return UInt64Value.newBuilder().setValue(value).build();
  }
}
