package dev.berth.runtime.cgroup;

import dev.berth.base.BerthException;
import dev.berth.base.BerthException.Kind;
import dev.berth.base.Ids;
import dev.berth.runtime.systemd.UnitProperty;
import dev.berth.runtime.systemd.UnitProperty.Value;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What systemd is told about a scope, as runc does it. What systemd knows no property for is in the
 * files alone, and systemd leaves it alone.
 */
final class ScopeProperties {
  private static final long UNLIMITED = -1; // UINT64_MAX: infinity
  private static final long DEFAULT_PERIOD = 100_000;
  private static final long MICROS_PER_SECOND = 1_000_000;
  private static final long WHOLE_PERCENT = 10_000; // of a CPU second, in microseconds
  private static final int MOST_NUMBERS = 8192; // NR_CPUS of linux/Kconfig
  private static final Pattern SIZE = Pattern.compile("([0-9]{1,18})([kmgtKMGT]?)");
  private static final Pattern RANGE = Pattern.compile("([0-9]{1,9})(?:-([0-9]{1,9}))?");

  private final List<UnitProperty> out = new ArrayList<>();
  private long quota; // 0: not given
  private long period;

  private ScopeProperties() {}

  /** Returns all properties of a scope that is to be started with a process. */
  static List<UnitProperty> atStart(
      Scope scope, long pid, List<Setting> settings, Cgroups.Version version) {
    List<UnitProperty> all = new ArrayList<>();
    all.add(UnitProperty.of("Description", "container " + scope.unit()));
    all.add(UnitProperty.of("Slice", scope.slice().name()));
    all.add(UnitProperty.of("Delegate", true));
    all.add(new UnitProperty("PIDs", new Value.Processes(List.of(Math.toIntExact(pid)))));
    all.add(UnitProperty.of("DefaultDependencies", false)); // or a shutdown ends it too early
    all.add(UnitProperty.of("CollectMode", "inactive-or-failed"));
    all.add(UnitProperty.of("CPUAccounting", true));
    all.add(UnitProperty.of("MemoryAccounting", true));
    all.add(UnitProperty.of("TasksAccounting", true));
    all.add(
        UnitProperty.of(
            version == Cgroups.Version.V1 ? "BlockIOAccounting" : "IOAccounting", true));
    settings.stream()
        .filter(setting -> setting.file().equals("memory.oom.group"))
        .forEach(setting ->
            all.add(
                UnitProperty.of("OOMPolicy", setting.value().equals("1") ? "kill" : "continue")));
    all.addAll(ofLimits(settings));
    return all;
  }

  /** Returns the properties that say what is about to be written to files. */
  static List<UnitProperty> ofLimits(List<Setting> settings) {
    ScopeProperties properties = new ScopeProperties();
    settings.forEach(properties::add);
    properties.addQuota();
    return properties.out;
  }

  private void add(Setting setting) {
    String value = setting.value();
    switch (setting.file()) {
      case "memory.max" -> size("MemoryMax", setting, 1);
      case "memory.high" -> size("MemoryHigh", setting, 1);
      case "memory.low" -> size("MemoryLow", setting, 0);
      case "memory.min" -> size("MemoryMin", setting, 0);
      case "memory.swap.max" -> size("MemorySwapMax", setting, 0);
      case "memory.zswap.max" -> size("MemoryZSwapMax", setting, 0);
      case "memory.limit_in_bytes" -> size("MemoryLimit", setting, 1);
      case "cpu.weight" -> size("CPUWeight", setting, 1);
      case "cpu.shares" -> size("CPUShares", setting, 2);
      case "cpu.idle" -> {
        if (value.equals("1")) {
          out.add(UnitProperty.of("CPUWeight", 0));
        }
      }
      case "cpu.max" -> quotaAndPeriod(setting);
      case "cpu.cfs_quota_us" -> quota = number(setting, value);
      case "cpu.cfs_period_us" -> period = number(setting, value);
      case "cpuset.cpus" -> numbers("AllowedCPUs", setting);
      case "cpuset.mems" -> numbers("AllowedMemoryNodes", setting);
      case "pids.max" -> size("TasksMax", setting, 1);
      case "io.weight" -> weight(setting);
      case "io.max" -> throttle(setting);
      case "blkio.weight" -> size("BlockIOWeight", setting, 10);
      default -> {
        if (setting.otherwise() != null) {
          add(setting.otherwise());
        }
      }
    }
  }

  /**
   * Adds a number, as the kernel reads it.
   *
   * @param least that systemd takes; the file says the rest
   */
  private void size(String property, Setting setting, long least) {
    out.add(UnitProperty.of(property, atLeast(least, number(setting, setting.value()))));
  }

  private static long atLeast(long least, long number) {
    return number == UNLIMITED ? UNLIMITED : Math.max(least, number);
  }

  private static long number(Setting setting, String value) {
    if (value.equals("max") || value.equals("-1")) {
      return UNLIMITED;
    }
    Matcher matcher = SIZE.matcher(value);
    if (!matcher.matches()) {
      throw invalid(setting);
    }
    int unit = " kmgt".indexOf(matcher.group(2).toLowerCase(Locale.ROOT)); // none: 0
    return Long.parseLong(matcher.group(1)) << (10 * Math.max(0, unit));
  }

  private static BerthException invalid(Setting setting) {
    return new BerthException(
        Kind.INVALID_ARGUMENT,
        setting.field() + " \"" + Ids.printable(setting.value()) + "\" cannot be told to systemd");
  }

  private void quotaAndPeriod(Setting setting) {
    String[] words = setting.value().split(" ", 2);
    quota = number(setting, words[0]);
    period = words.length > 1 ? number(setting, words[1]) : 0;
  }

  /**
   * systemd keeps whole percents of a CPU in its files; so it gets the next one, and what is
   * written to the group's own file fits below.
   */
  private void addQuota() {
    if (period != 0) {
      out.add(UnitProperty.of("CPUQuotaPeriodUSec", period));
    }
    if (quota == 0) {
      return;
    }
    long perSecond = UNLIMITED;
    if (quota > 0) {
      long exact =
          Math.ceilDiv(
              Math.multiplyExact(quota, MICROS_PER_SECOND), period == 0 ? DEFAULT_PERIOD : period);
      perSecond = Math.ceilDiv(exact, WHOLE_PERCENT) * WHOLE_PERCENT;
    }
    out.add(UnitProperty.of("CPUQuotaPerSecUSec", perSecond));
  }

  /** Reads a list such as {@code 0-3,8}. */
  private void numbers(String property, Setting setting) {
    List<Integer> members = new ArrayList<>();
    for (String part : setting.value().split(",", -1)) {
      if (part.isBlank()) {
        continue;
      }
      Matcher matcher = RANGE.matcher(part.strip());
      if (!matcher.matches()) {
        throw invalid(setting);
      }
      int first = Integer.parseInt(matcher.group(1));
      int last = matcher.group(2) == null ? first : Integer.parseInt(matcher.group(2));
      if (last >= MOST_NUMBERS || first > last) {
        throw invalid(setting);
      }
      for (int number = first; number <= last; number++) {
        members.add(number);
      }
    }
    out.add(new UnitProperty(property, new Value.NumberSet(members)));
  }

  /** {@code WEIGHT} of all devices or {@code MAJOR:MINOR WEIGHT} of one. */
  private void weight(Setting setting) {
    String[] words = setting.value().replaceFirst("^default ", "").split(" ", 2);
    if (words.length == 1) {
      out.add(UnitProperty.of("IOWeight", number(setting, words[0])));
    } else {
      device("IODeviceWeight", words[0], number(setting, words[1]));
    }
  }

  /** {@code MAJOR:MINOR KEY=RATE ...}. */
  private void throttle(Setting setting) {
    String[] words = setting.value().split(" ", -1);
    for (int i = 1; i < words.length; i++) {
      String[] pair = words[i].split("=", 2);
      String property =
          switch (pair[0]) {
            case "rbps" -> "IOReadBandwidthMax";
            case "wbps" -> "IOWriteBandwidthMax";
            case "riops" -> "IOReadIOPSMax";
            case "wiops" -> "IOWriteIOPSMax";
            default -> throw invalid(setting);
          };
      device(property, words[0], number(setting, pair.length > 1 ? pair[1] : ""));
    }
  }

  private void device(String property, String numbers, long limit) {
    out.add(new UnitProperty(property, new Value.DeviceLimit("/dev/block/" + numbers, limit)));
  }
}
