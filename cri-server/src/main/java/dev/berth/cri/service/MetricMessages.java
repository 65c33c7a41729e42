package dev.berth.cri.service;

import dev.berth.image.FsUsage;
import dev.berth.proto.cri.v1.ContainerMetadata;
import dev.berth.proto.cri.v1.LinuxContainerResources;
import dev.berth.proto.cri.v1.MetricDescriptor;
import dev.berth.proto.cri.v1.PodSandboxMetadata;
import dev.berth.proto.cri.v1.PodSandboxMetrics;
import dev.berth.runtime.cgroup.CgroupDetails;
import dev.berth.runtime.cgroup.CgroupStats;
import dev.berth.runtime.cgroup.Pressure;
import dev.berth.sandbox.ContainerMetrics;
import dev.berth.sandbox.ContainerState;
import dev.berth.sandbox.DiskSpace;
import dev.berth.sandbox.InterfaceUsage;
import dev.berth.sandbox.ProcessFigures;
import dev.berth.sandbox.SandboxMetrics;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/** The metrics of pods and containers, in CRI's words. A figure that the host lacks is left out. */
final class MetricMessages {
  /** What cAdvisor calls the container that holds a pod's network. */
  private static final String POD = "POD";

  private static final String ALL_CPUS = "total";
  private static final List<MetricDescriptor> DESCRIPTORS =
      Arrays.stream(MetricFamily.values()).map(MetricFamily::descriptor).toList();

  /** What stands for "no limit" on memory is larger. */
  private static final long NO_LIMIT = 1L << 62;

  private MetricMessages() {}

  static List<MetricDescriptor> descriptors() {
    return DESCRIPTORS;
  }

  static PodSandboxMetrics sandbox(SandboxMetrics sandbox) {
    PodSandboxMetadata pod = sandbox.sandbox().config().getMetadata();
    String id = sandbox.sandbox().id();
    var metrics =
        new MetricList(
            Times.nanos(sandbox.at()),
            List.of(POD, sandbox.cgroup(), "", id, pod.getNamespace(), pod.getName()));
    sandbox.interfaces().forEach(device -> network(metrics, device));
    var message =
        PodSandboxMetrics.newBuilder().setPodSandboxId(id).addAllMetrics(metrics.metrics());
    sandbox
        .containers()
        .forEach(container -> message.addContainerMetrics(container(container, pod)));
    return message.build();
  }

  private static dev.berth.proto.cri.v1.ContainerMetrics container(
      ContainerMetrics container, PodSandboxMetadata pod) {
    var status = container.usage().container();
    ContainerMetadata metadata = status.config().getMetadata();
    var metrics =
        new MetricList(
            Times.nanos(container.usage().at()),
            List.of(
                metadata.getName(),
                container.cgroup(),
                status.image().name(),
                status.id(),
                pod.getNamespace(),
                pod.getName()));
    metrics.add(MetricFamily.LAST_SEEN, container.usage().at().getEpochSecond());
    if (status.state() instanceof ContainerState.Running running) {
      metrics.add(MetricFamily.START_TIME, running.startedAt().getEpochSecond());
    }
    container.usage().cgroup().ifPresent(cgroup -> usage(metrics, cgroup));
    details(metrics, container.details());
    devices(metrics, container);
    processes(metrics, container.processes());
    container.disk().ifPresent(disk -> disk(metrics, disk, container.usage().writableLayer()));
    spec(metrics, status.config().getLinux().getResources());
    return dev.berth.proto.cri.v1.ContainerMetrics.newBuilder()
        .setContainerId(status.id())
        .addAllMetrics(metrics.metrics())
        .build();
  }

  private static void usage(MetricList metrics, CgroupStats cgroup) {
    metrics.addSeconds(MetricFamily.CPU_USAGE, cgroup.cpuUsageNanos(), ALL_CPUS);
    metrics.add(MetricFamily.MEMORY_USAGE, cgroup.memoryUsageBytes());
    metrics.add(MetricFamily.MEMORY_WORKING_SET, cgroup.memoryWorkingSetBytes());
    metrics.add(MetricFamily.MEMORY_RSS, cgroup.memoryRssBytes());
    metrics.add(MetricFamily.MEMORY_SWAP, cgroup.swapUsageBytes());
    for (String scope : List.of("container", "hierarchy")) {
      metrics.add(MetricFamily.MEMORY_FAILURES, cgroup.pageFaults(), "pgfault", scope);
      metrics.add(MetricFamily.MEMORY_FAILURES, cgroup.majorPageFaults(), "pgmajfault", scope);
    }
    metrics.add(MetricFamily.THREADS, cgroup.pids());
    pressure(
        metrics,
        cgroup.cpuPressure(),
        MetricFamily.PRESSURE_CPU_WAITING,
        MetricFamily.PRESSURE_CPU_STALLED);
    pressure(
        metrics,
        cgroup.memoryPressure(),
        MetricFamily.PRESSURE_MEMORY_WAITING,
        MetricFamily.PRESSURE_MEMORY_STALLED);
    pressure(
        metrics,
        cgroup.ioPressure(),
        MetricFamily.PRESSURE_IO_WAITING,
        MetricFamily.PRESSURE_IO_STALLED);
  }

  private static void pressure(
      MetricList metrics, Optional<Pressure> pressure, MetricFamily some, MetricFamily all) {
    pressure.ifPresent(waited -> {
      metrics.addSeconds(some, OptionalLong.of(waited.some().totalNanos()));
      metrics.addSeconds(all, OptionalLong.of(waited.full().totalNanos()));
    });
  }

  private static void details(MetricList metrics, CgroupDetails details) {
    metrics.addSeconds(MetricFamily.CPU_USER, details.cpuUserNanos());
    metrics.addSeconds(MetricFamily.CPU_SYSTEM, details.cpuSystemNanos());
    details
        .throttling()
        .ifPresent(cfs -> {
          metrics.add(MetricFamily.CFS_PERIODS, cfs.periods());
          metrics.add(MetricFamily.CFS_THROTTLED_PERIODS, cfs.throttledPeriods());
          metrics.addSeconds(MetricFamily.CFS_THROTTLED, OptionalLong.of(cfs.throttledNanos()));
        });
    metrics.add(MetricFamily.MEMORY_CACHE, details.cacheBytes());
    metrics.add(MetricFamily.MEMORY_MAPPED_FILE, details.mappedFileBytes());
    metrics.add(MetricFamily.MEMORY_KERNEL, details.kernelBytes());
    metrics.add(MetricFamily.MEMORY_MAX_USAGE, details.maxUsageBytes());
    metrics.add(MetricFamily.MEMORY_FAILCNT, details.limitHits());
    metrics.add(MetricFamily.OOM_EVENTS, details.oomKills());
    metrics.add(MetricFamily.THREADS_MAX, details.maxPids().orElse(0));
    for (CgroupDetails.HugePages pages : details.hugePages()) {
      metrics.add(MetricFamily.HUGETLB_USAGE, pages.usageBytes(), pages.size());
      metrics.add(MetricFamily.HUGETLB_MAX_USAGE, pages.maxUsageBytes(), pages.size());
    }
  }

  private static void devices(MetricList metrics, ContainerMetrics container) {
    for (CgroupDetails.DeviceIo io : container.details().devices()) {
      String numbers = io.major() + ":" + io.minor();
      String device = container.deviceNames().getOrDefault(numbers, numbers);
      metrics.add(MetricFamily.FS_READS, io.reads(), device);
      metrics.add(MetricFamily.FS_READS_BYTES, io.readBytes(), device);
      metrics.add(MetricFamily.FS_WRITES, io.writes(), device);
      metrics.add(MetricFamily.FS_WRITES_BYTES, io.writtenBytes(), device);
      blkio(metrics, io, device, io.readBytes(), "read");
      blkio(metrics, io, device, io.writtenBytes(), "write");
    }
  }

  private static void blkio(
      MetricList metrics, CgroupDetails.DeviceIo io, String device, long bytes, String operation) {
    metrics.add(
        MetricFamily.BLKIO_USAGE,
        bytes,
        device,
        Integer.toString(io.major()),
        Integer.toString(io.minor()),
        operation);
  }

  private static void processes(MetricList metrics, ProcessFigures processes) {
    metrics.add(MetricFamily.PROCESSES, processes.processes());
    metrics.add(MetricFamily.FILE_DESCRIPTORS, processes.fileDescriptors());
    metrics.add(MetricFamily.SOCKETS, processes.sockets());
    metrics.add(MetricFamily.ULIMITS_SOFT, processes.openFilesLimit(), "max_open_files");
  }

  private static void disk(MetricList metrics, DiskSpace disk, Optional<FsUsage> layer) {
    layer.ifPresent(
        written -> metrics.add(MetricFamily.FS_USAGE, written.usedBytes(), disk.device()));
    metrics.add(MetricFamily.FS_LIMIT, disk.totalBytes(), disk.device());
    metrics.add(MetricFamily.FS_INODES, disk.inodes(), disk.device());
    metrics.add(MetricFamily.FS_INODES_FREE, disk.freeInodes(), disk.device());
  }

  private static void spec(MetricList metrics, LinuxContainerResources limits) {
    metrics.add(MetricFamily.SPEC_CPU_PERIOD, limits.getCpuPeriod());
    if (limits.getCpuQuota() > 0) {
      metrics.add(MetricFamily.SPEC_CPU_QUOTA, limits.getCpuQuota());
    }
    metrics.add(MetricFamily.SPEC_CPU_SHARES, limits.getCpuShares());
    metrics.add(MetricFamily.SPEC_MEMORY_LIMIT, limit(limits.getMemoryLimitInBytes()));
    metrics.add(MetricFamily.SPEC_MEMORY_SWAP_LIMIT, limit(limits.getMemorySwapLimitInBytes()));
    metrics.add(MetricFamily.SPEC_MEMORY_RESERVATION, reservation(limits));
  }

  /** cAdvisor's form: 0 stands for no limit. */
  private static long limit(long bytes) {
    return bytes < 0 || bytes >= NO_LIMIT ? 0 : bytes;
  }

  /** What the kubelet's memory manager keeps back for a container; other texts are not of it. */
  private static long reservation(LinuxContainerResources limits) {
    String min = limits.getUnifiedOrDefault("memory.min", "0");
    return min.matches("[0-9]{1,18}") ? limit(Long.parseLong(min)) : 0;
  }

  private static void network(MetricList metrics, InterfaceUsage device) {
    String name = device.name();
    var in = device.received();
    metrics.add(MetricFamily.NETWORK_RECEIVE_BYTES, in.bytes(), name);
    metrics.add(MetricFamily.NETWORK_RECEIVE_PACKETS, in.packets(), name);
    metrics.add(MetricFamily.NETWORK_RECEIVE_DROPPED, in.dropped(), name);
    metrics.add(MetricFamily.NETWORK_RECEIVE_ERRORS, in.errors(), name);
    var out = device.transmitted();
    metrics.add(MetricFamily.NETWORK_TRANSMIT_BYTES, out.bytes(), name);
    metrics.add(MetricFamily.NETWORK_TRANSMIT_PACKETS, out.packets(), name);
    metrics.add(MetricFamily.NETWORK_TRANSMIT_DROPPED, out.dropped(), name);
    metrics.add(MetricFamily.NETWORK_TRANSMIT_ERRORS, out.errors(), name);
  }
}
