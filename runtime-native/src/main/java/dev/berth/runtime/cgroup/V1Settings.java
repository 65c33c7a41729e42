package dev.berth.runtime.cgroup;

import static dev.berth.runtime.cgroup.Settings.FIELD;
import static dev.berth.runtime.cgroup.Settings.UNLIMITED;
import static dev.berth.runtime.cgroup.Settings.orZero;

import dev.berth.base.BerthException;
import dev.berth.runtime.spec.Resources;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Turns limits into files of cgroup v1, see {@code Documentation/admin-guide/cgroup-v1} of Linux.
 * Limits of kernel memory are left out: they are gone since Linux 5.16.
 */
final class V1Settings {
  private final List<Setting> out = new ArrayList<>();

  private V1Settings() {}

  /**
   * Returns what to write, in an order that fits a new group.
   *
   * @throws BerthException INVALID_ARGUMENT naming a field that cannot be
   */
  static List<Setting> of(Resources resources) {
    if (!resources.unified().isEmpty()) {
      throw Settings.invalid("unified", "is for cgroup v2, and this host has v1");
    }
    V1Settings settings = new V1Settings();
    settings.memory(resources.memory());
    settings.cpu(resources.cpu());
    Settings.cpuset(settings.out, resources.cpu());
    Settings.pids(settings.out, resources.pids(), 0);
    Settings.hugetlb(settings.out, resources.hugepageLimits(), "limit_in_bytes");
    settings.blockIo(resources.blockIo());
    settings.network(resources.network());
    Settings.rdma(settings.out, resources);
    return settings.out;
  }

  private void memory(Resources.@Nullable Memory memory) {
    if (memory == null) {
      return;
    }
    Settings.checkSwap(memory);
    add("memory", "memory.limit", "memory.limit_in_bytes", memory.limit());
    memoryAndSwap(orZero(memory.limit()), orZero(memory.swap()));
    add("memory", "memory.reservation", "memory.soft_limit_in_bytes", memory.reservation());
    if (memory.swappiness() != null) {
      always("memory", "memory.swappiness", "memory.swappiness", memory.swappiness());
    }
    if (Boolean.TRUE.equals(memory.disableOomKiller())) {
      always("memory", "memory.disableOOMKiller", "memory.oom_control", 1);
    }
  }

  private void memoryAndSwap(long limit, long swap) {
    String file = "memory.memsw.limit_in_bytes";
    if (swap != 0) {
      always("memory", "memory.swap", file, swap);
    } else if (limit == UNLIMITED) {
      // Or the sum would stay below the limit, which the kernel refuses.
      out.add(Setting.optional(FIELD + "memory.limit", "memory", file, UNLIMITED));
    }
  }

  private void cpu(Resources.@Nullable Cpu cpu) {
    if (cpu == null) {
      return;
    }
    add("cpu", "cpu.shares", "cpu.shares", cpu.shares());
    if (cpu.idle() != null) {
      always("cpu", "cpu.idle", "cpu.idle", cpu.idle());
    }
    add("cpu", "cpu.period", "cpu.cfs_period_us", cpu.period());
    add("cpu", "cpu.quota", "cpu.cfs_quota_us", cpu.quota());
    if (cpu.burst() != null) {
      always("cpu", "cpu.burst", "cpu.cfs_burst_us", cpu.burst());
    }
    add("cpu", "cpu.realtimePeriod", "cpu.rt_period_us", cpu.realtimePeriod());
    add("cpu", "cpu.realtimeRuntime", "cpu.rt_runtime_us", cpu.realtimeRuntime());
  }

  private void blockIo(Resources.@Nullable BlockIo io) {
    if (io == null) {
      return;
    }
    if (io.weight() != null && io.weight() != 0) {
      weight("blockIO.weight", "weight", io.weight().toString());
    }
    if (io.leafWeight() != null && io.leafWeight() != 0) {
      always("blkio", "blockIO.leafWeight", "blkio.leaf_weight", io.leafWeight());
    }
    for (Resources.WeightDevice device : io.weightDevice()) {
      if (device.weight() != null && device.weight() != 0) {
        weight(
            "blockIO.weightDevice",
            "weight_device",
            device.major() + ":" + device.minor() + " " + device.weight());
      }
    }
    throttle("blockIO.throttleReadBpsDevice", "read_bps", io.throttleReadBpsDevice());
    throttle("blockIO.throttleWriteBpsDevice", "write_bps", io.throttleWriteBpsDevice());
    throttle("blockIO.throttleReadIOPSDevice", "read_iops", io.throttleReadIopsDevice());
    throttle("blockIO.throttleWriteIOPSDevice", "write_iops", io.throttleWriteIopsDevice());
  }

  /** The scheduler that knows weights has changed its name with the kernel. */
  private void weight(String field, String file, String value) {
    Setting older = Setting.required(FIELD + field, "blkio", "blkio." + file, value);
    out.add(Setting.required(FIELD + field, "blkio", "blkio.bfq." + file, value).otherwise(older));
  }

  private void throttle(String field, String file, List<Resources.ThrottleDevice> devices) {
    for (Resources.ThrottleDevice device : devices) {
      always(
          "blkio",
          field,
          "blkio.throttle." + file + "_device",
          device.major() + ":" + device.minor() + " " + Long.toUnsignedString(device.rate()));
    }
  }

  private void network(Resources.@Nullable Network network) {
    if (network == null) {
      return;
    }
    add("net_cls", "network.classID", "net_cls.classid", network.classId());
    for (Resources.InterfacePriority priority : network.priorities()) {
      always(
          "net_prio",
          "network.priorities",
          "net_prio.ifpriomap",
          priority.name() + " " + priority.priority());
    }
  }

  private void add(String controller, String field, String file, @Nullable Long value) {
    if (orZero(value) != 0) {
      always(controller, field, file, orZero(value));
    }
  }

  private void always(String controller, String field, String file, Object value) {
    out.add(Setting.required(FIELD + field, controller, file, value));
  }
}
