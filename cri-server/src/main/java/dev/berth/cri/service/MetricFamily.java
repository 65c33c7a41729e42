package dev.berth.cri.service;

import com.google.common.collect.ImmutableList;
import dev.berth.proto.cri.v1.MetricDescriptor;
import dev.berth.proto.cri.v1.MetricType;
import java.util.List;
import java.util.stream.Stream;

/**
 * The metrics of pods and containers, by the names, types and labels that cAdvisor gives them:
 * whoever watches a cluster has queries for these.
 *
 * <p>CRI's values are whole numbers, so what is in seconds is cut to whole ones.
 */
enum MetricFamily {
  LAST_SEEN("last_seen", gauge(), "When the container was last seen, in seconds since 1970."),
  START_TIME(
      "start_time_seconds", gauge(), "When the container was started, in seconds since 1970."),

  CPU_USAGE("cpu_usage_seconds_total", counter(), "CPU time used, in seconds.", "cpu"),
  CPU_USER("cpu_user_seconds_total", counter(), "CPU time used outside the kernel, in seconds."),
  CPU_SYSTEM("cpu_system_seconds_total", counter(), "CPU time used in the kernel, in seconds."),
  CFS_PERIODS("cpu_cfs_periods_total", counter(), "Enforcement periods of the CPU quota."),
  CFS_THROTTLED_PERIODS(
      "cpu_cfs_throttled_periods_total", counter(), "Periods in which the CPU quota ran out."),
  CFS_THROTTLED(
      "cpu_cfs_throttled_seconds_total",
      counter(),
      "Time spent waiting for the next period of the CPU quota, in seconds."),

  MEMORY_USAGE("memory_usage_bytes", gauge(), "Memory charged to the container."),
  MEMORY_WORKING_SET(
      "memory_working_set_bytes", gauge(), "Memory in use, without inactive pages of files."),
  MEMORY_RSS("memory_rss", gauge(), "Anonymous memory, in bytes."),
  MEMORY_CACHE("memory_cache", gauge(), "Page cache, in bytes."),
  MEMORY_MAPPED_FILE("memory_mapped_file", gauge(), "Mapped page cache, in bytes."),
  MEMORY_KERNEL("memory_kernel_usage", gauge(), "Memory of the kernel's own, in bytes."),
  MEMORY_SWAP("memory_swap", gauge(), "Swap space in use, in bytes."),
  MEMORY_MAX_USAGE("memory_max_usage_bytes", gauge(), "The most memory there ever was in use."),
  MEMORY_FAILCNT("memory_failcnt", counter(), "How often usage ran into the memory limit."),
  MEMORY_FAILURES("memory_failures_total", counter(), "Page faults.", "failure_type", "scope"),
  OOM_EVENTS("oom_events_total", counter(), "Processes killed for want of memory."),

  HUGETLB_USAGE("hugetlb_usage_bytes", gauge(), "Huge pages in use, in bytes.", "pagesize"),
  HUGETLB_MAX_USAGE(
      "hugetlb_max_usage_bytes",
      gauge(),
      "The most huge pages there ever were in use, in bytes.",
      "pagesize"),

  FS_USAGE("fs_usage_bytes", gauge(), "What the container has written takes on disk.", "device"),
  FS_LIMIT("fs_limit_bytes", gauge(), "Size of the file system of what is written.", "device"),
  FS_INODES("fs_inodes_total", gauge(), "Inodes that the file system can have.", "device"),
  FS_INODES_FREE("fs_inodes_free", gauge(), "Inodes of the file system that are free.", "device"),
  FS_READS("fs_reads_total", counter(), "Reads from a device.", "device"),
  FS_READS_BYTES("fs_reads_bytes_total", counter(), "Bytes read from a device.", "device"),
  FS_WRITES("fs_writes_total", counter(), "Writes to a device.", "device"),
  FS_WRITES_BYTES("fs_writes_bytes_total", counter(), "Bytes written to a device.", "device"),
  BLKIO_USAGE(
      "blkio_device_usage_total",
      counter(),
      "Bytes read from and written to a device.",
      "device",
      "major",
      "minor",
      "operation"),

  NETWORK_RECEIVE_BYTES("network_receive_bytes_total", counter(), "Bytes received.", "interface"),
  NETWORK_RECEIVE_PACKETS(
      "network_receive_packets_total", counter(), "Packets received.", "interface"),
  NETWORK_RECEIVE_DROPPED(
      "network_receive_packets_dropped_total",
      counter(),
      "Packets dropped while receiving.",
      "interface"),
  NETWORK_RECEIVE_ERRORS(
      "network_receive_errors_total", counter(), "Errors while receiving.", "interface"),
  NETWORK_TRANSMIT_BYTES(
      "network_transmit_bytes_total", counter(), "Bytes transmitted.", "interface"),
  NETWORK_TRANSMIT_PACKETS(
      "network_transmit_packets_total", counter(), "Packets transmitted.", "interface"),
  NETWORK_TRANSMIT_DROPPED(
      "network_transmit_packets_dropped_total",
      counter(),
      "Packets dropped while transmitting.",
      "interface"),
  NETWORK_TRANSMIT_ERRORS(
      "network_transmit_errors_total", counter(), "Errors while transmitting.", "interface"),

  PROCESSES("processes", gauge(), "Processes in the container."),
  THREADS("threads", gauge(), "Threads in the container."),
  THREADS_MAX("threads_max", gauge(), "How many threads there may be; 0 without a limit."),
  FILE_DESCRIPTORS("file_descriptors", gauge(), "Open file descriptors of all processes."),
  SOCKETS("sockets", gauge(), "Open sockets of all processes."),
  ULIMITS_SOFT(
      "ulimits_soft", gauge(), "Soft limits of the first process; none if unlimited.", "ulimit"),

  SPEC_CPU_PERIOD("spec_cpu_period", gauge(), "Period of the CPU quota, in microseconds."),
  SPEC_CPU_QUOTA("spec_cpu_quota", gauge(), "CPU quota, in microseconds per period."),
  SPEC_CPU_SHARES("spec_cpu_shares", gauge(), "Weight for CPU time."),
  SPEC_MEMORY_LIMIT("spec_memory_limit_bytes", gauge(), "Memory limit; 0 without one."),
  SPEC_MEMORY_RESERVATION(
      "spec_memory_reservation_limit_bytes", gauge(), "Memory kept back; 0 for none."),
  SPEC_MEMORY_SWAP_LIMIT(
      "spec_memory_swap_limit_bytes", gauge(), "Limit on memory and swap; 0 without one."),

  PRESSURE_CPU_WAITING(
      "pressure_cpu_waiting_seconds_total",
      counter(),
      "Time in which some task waited for a CPU, in seconds."),
  PRESSURE_CPU_STALLED(
      "pressure_cpu_stalled_seconds_total",
      counter(),
      "Time in which all tasks waited for a CPU, in seconds."),
  PRESSURE_MEMORY_WAITING(
      "pressure_memory_waiting_seconds_total",
      counter(),
      "Time in which some task waited for memory, in seconds."),
  PRESSURE_MEMORY_STALLED(
      "pressure_memory_stalled_seconds_total",
      counter(),
      "Time in which all tasks waited for memory, in seconds."),
  PRESSURE_IO_WAITING(
      "pressure_io_waiting_seconds_total",
      counter(),
      "Time in which some task waited for a disk, in seconds."),
  PRESSURE_IO_STALLED(
      "pressure_io_stalled_seconds_total",
      counter(),
      "Time in which all tasks waited for a disk, in seconds.");

  /** The labels that every metric has, before its own. */
  static final List<String> COMMON_LABELS =
      List.of("container", "id", "image", "name", "namespace", "pod");

  private final String metricName;
  private final MetricType type;
  private final String help;
  private final ImmutableList<String> ownLabels;

  MetricFamily(String name, MetricType type, String help, String... ownLabels) {
    this.metricName = "container_" + name;
    this.type = type;
    this.help = help;
    this.ownLabels = ImmutableList.copyOf(ownLabels);
  }

  private static MetricType gauge() {
    return MetricType.GAUGE;
  }

  private static MetricType counter() {
    return MetricType.COUNTER;
  }

  String metricName() {
    return metricName;
  }

  MetricType type() {
    return type;
  }

  /** How many values stand behind those of the common labels. */
  int ownLabelCount() {
    return ownLabels.size();
  }

  MetricDescriptor descriptor() {
    return MetricDescriptor.newBuilder()
        .setName(metricName)
        .setHelp(help)
        .addAllLabelKeys(Stream.concat(COMMON_LABELS.stream(), ownLabels.stream()).toList())
        .build();
  }
}
