package dev.berth.runtime.cgroup;

import static dev.berth.runtime.cgroup.Settings.FIELD;
import static dev.berth.runtime.cgroup.Settings.UNLIMITED;
import static dev.berth.runtime.cgroup.Settings.orMax;
import static dev.berth.runtime.cgroup.Settings.orZero;

import dev.berth.base.BerthException;
import dev.berth.base.Ids;
import dev.berth.runtime.spec.Resources;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Turns limits, which the runtime spec gives in terms of cgroup v1, into files of cgroup v2: see
 * {@code Documentation/admin-guide/cgroup-v2.rst} of Linux and config-linux.md of the runtime spec.
 */
final class V2Settings {
  /**
   * A process is born in its group here, and none in a group that may have none; that it may have
   * no other comes to the same.
   */
  private static final long LEAST_PIDS = 1;

  private final List<Setting> out = new ArrayList<>();

  private V2Settings() {}

  /**
   * Returns what to write, {@code unified} last.
   *
   * @param cpuMax reads the group's cpu.max; asked only if a period comes without a quota
   * @throws BerthException INVALID_ARGUMENT naming a field that cannot be
   */
  static List<Setting> of(Resources resources, Supplier<String> cpuMax) {
    V2Settings settings = new V2Settings();
    settings.memory(resources.memory());
    settings.cpu(resources.cpu(), cpuMax);
    Settings.cpuset(settings.out, resources.cpu());
    Settings.pids(settings.out, resources.pids(), LEAST_PIDS);
    Settings.hugetlb(settings.out, resources.hugepageLimits(), "max");
    settings.blockIo(resources.blockIo());
    Settings.rdma(settings.out, resources);
    refuseNetwork(resources.network());
    resources.unified().forEach(settings::unified);
    return settings.out;
  }

  private void memory(Resources.@Nullable Memory memory) {
    if (memory == null) {
      return;
    }
    Settings.checkSwap(memory);
    swap(orZero(memory.limit()), orZero(memory.swap()));
    bytes("memory.limit", "memory.max", orZero(memory.limit()));
    bytes("memory.reservation", "memory.low", orZero(memory.reservation()));
  }

  private void bytes(String field, String file, long value) {
    if (value != 0) {
      add("memory", field, file, orMax(value));
    }
  }

  /** v1 limits memory and swap together, v2 swap alone. */
  private void swap(long limit, long swap) {
    String file = "memory.swap.max";
    if (swap == UNLIMITED || (swap == 0 && limit == UNLIMITED)) {
      // A kernel without swap accounting does not limit it.
      out.add(Setting.optional(FIELD + "memory.swap", "memory", file, "max"));
    } else if (swap > 0 && limit == UNLIMITED) {
      add("memory", "memory.swap", file, swap);
    } else if (swap > 0 && limit == 0) {
      throw Settings.invalid("memory.swap", "cannot be set on cgroup v2 without memory.limit");
    } else if (swap > 0) {
      long alone = swap - limit;
      out.add(
          alone == 0
              ? Setting.optional(FIELD + "memory.swap", "memory", file, 0)
              : Setting.required(FIELD + "memory.swap", "memory", file, alone));
    }
  }

  private void cpu(Resources.@Nullable Cpu cpu, Supplier<String> cpuMax) {
    if (cpu == null) {
      return;
    }
    long shares = orZero(cpu.shares());
    if (shares != 0) {
      add("cpu", "cpu.shares", "cpu.weight", weightOfShares(shares));
    }
    if (cpu.idle() != null) {
      add("cpu", "cpu.idle", "cpu.idle", cpu.idle());
    }
    bandwidth(orZero(cpu.quota()), orZero(cpu.period()), cpuMax);
    if (cpu.burst() != null) {
      add("cpu", "cpu.burst", "cpu.max.burst", cpu.burst());
    }
  }

  /** Writes "QUOTA PERIOD". The kernel keeps a period that is left out, but not a quota. */
  private void bandwidth(long quota, long period, Supplier<String> cpuMax) {
    if (quota != 0) {
      String value = quota < 0 ? "max" : Long.toString(quota);
      add("cpu", "cpu.quota", "cpu.max", period == 0 ? value : value + " " + period);
    } else if (period != 0) {
      String current = cpuMax.get().split(" ", 2)[0];
      add("cpu", "cpu.period", "cpu.max", current + " " + period);
    }
  }

  /**
   * Converts v1 shares (2 to 262144, default 1024) to a v2 weight (1 to 10000, default 100) by the
   * quadratic in log2(shares) through the three pairs (2, 1), (1024, 100) and (262144, 10000),
   * which runc and crun use since 2025. The earlier straight line made 39 of 1024.
   */
  static long weightOfShares(long shares) {
    if (Long.compareUnsigned(shares, 2) <= 0) {
      return 1;
    }
    if (Long.compareUnsigned(shares, 262144) >= 0) {
      return 10000;
    }
    double l = Math.log((double) shares) / Math.log(2);
    double exponent = (l * l + 125 * l) / 612.0 - 7.0 / 34.0;
    // Rounding of the logarithm must not lift a whole number to the next one.
    return (long) Math.ceil(Math.pow(10, exponent) - 1e-9);
  }

  private void blockIo(Resources.@Nullable BlockIo io) {
    if (io == null) {
      return;
    }
    if (io.weight() != null && io.weight() != 0) {
      weight("blockIO.weight", "", io.weight());
    }
    for (Resources.WeightDevice device : io.weightDevice()) {
      if (device.weight() != null && device.weight() != 0) {
        weight(
            "blockIO.weightDevice", device.major() + ":" + device.minor() + " ", device.weight());
      }
    }
    throttle("blockIO.throttleReadBpsDevice", "rbps", io.throttleReadBpsDevice());
    throttle("blockIO.throttleWriteBpsDevice", "wbps", io.throttleWriteBpsDevice());
    throttle("blockIO.throttleReadIOPSDevice", "riops", io.throttleReadIopsDevice());
    throttle("blockIO.throttleWriteIOPSDevice", "wiops", io.throttleWriteIopsDevice());
  }

  /** BFQ, where it is compiled in, takes v1's 10 to 1000 as they are; io.weight is 1 to 10000. */
  private void weight(String field, String device, int weight) {
    if (weight < 10 || weight > 1000) {
      throw Settings.invalid(field, weight + " is not between 10 and 1000");
    }
    int converted = 1 + (weight - 10) * 9999 / 990;
    Setting io = Setting.required(FIELD + field, "io", "io.weight", device + converted);
    out.add(Setting.required(FIELD + field, "io", "io.bfq.weight", device + weight).otherwise(io));
  }

  private void throttle(String field, String key, List<Resources.ThrottleDevice> devices) {
    for (Resources.ThrottleDevice device : devices) {
      String rate = device.rate() == 0 ? "max" : Long.toUnsignedString(device.rate());
      add("io", field, "io.max", device.major() + ":" + device.minor() + " " + key + "=" + rate);
    }
  }

  private static void refuseNetwork(Resources.@Nullable Network network) {
    if (network != null && (orZero(network.classId()) != 0 || !network.priorities().isEmpty())) {
      throw Settings.invalid("network", "is for cgroup v1, and this host has v2");
    }
  }

  /**
   * Adds a file named by the client. Its controller is what stands before the first dot. Of the
   * files without a controller only limits are taken: the others move, freeze and end processes.
   */
  private void unified(String file, String value) {
    int dot = file.indexOf('.');
    if (dot <= 0 || file.indexOf('/') >= 0 || file.chars().anyMatch(Character::isISOControl)) {
      throw Settings.invalid(
          "unified \"" + Ids.printable(file) + "\"", "is not a file of a cgroup controller");
    }
    String controller = file.substring(0, dot);
    if (controller.equals(V2Hierarchy.CORE) && !file.startsWith("cgroup.max.")) {
      throw Settings.invalid("unified \"" + Ids.printable(file) + "\"", "is not a limit");
    }
    add(controller, "unified." + file, file, value);
  }

  private void add(String controller, String field, String file, Object value) {
    out.add(Setting.required(FIELD + field, controller, file, value));
  }
}
