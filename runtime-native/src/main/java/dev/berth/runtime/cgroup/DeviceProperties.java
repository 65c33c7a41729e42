package dev.berth.runtime.cgroup;

import dev.berth.runtime.systemd.UnitProperty;
import dev.berth.runtime.systemd.UnitProperty.Value;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What systemd is told of device rules where it writes them to a v1 group: whatever it does not
 * know, it takes back. On v2 it attaches a program of its own beside ours and leaves ours alone, so
 * there it is told nothing.
 */
final class DeviceProperties {
  private static final Path DEVICES = Path.of("/proc/devices");

  private DeviceProperties() {}

  /** Returns the properties of a policy on this host. */
  static List<UnitProperty> of(DevicePolicy policy) {
    try {
      return of(policy, Files.readAllLines(DEVICES));
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read " + DEVICES, e);
    }
  }

  /**
   * Returns the properties of a policy. systemd knows no exceptions from everything.
   *
   * @param drivers the lines of /proc/devices
   */
  static List<UnitProperty> of(DevicePolicy policy, List<String> drivers) {
    List<UnitProperty.DeviceAccess> allowed = new ArrayList<>();
    if (!policy.allowedByDefault()) {
      for (DeviceAccess one : policy.exceptions()) {
        name(one, drivers)
            .ifPresent(name -> allowed.add(new UnitProperty.DeviceAccess(name, access(one))));
      }
    }
    return List.of(
        UnitProperty.of("DevicePolicy", policy.allowedByDefault() ? "auto" : "strict"),
        new UnitProperty("DeviceAllow", new Value.DeviceAccesses(allowed)));
  }

  /** Devices of one driver go by its name; empty for a driver that this kernel does not have. */
  private static Optional<String> name(DeviceAccess devices, List<String> drivers) {
    String kind = devices.type() == 'c' ? "char" : "block";
    if (devices.major() == DeviceAccess.ANY) {
      return Optional.of(kind + "-*");
    }
    if (devices.minor() == DeviceAccess.ANY) {
      return driver(kind, devices.major(), drivers).map(driver -> kind + "-" + driver);
    }
    return Optional.of("/dev/" + kind + "/" + devices.major() + ":" + devices.minor());
  }

  /** Lines such as {@code 136 pts}, below a heading for each kind. */
  private static Optional<String> driver(String kind, long major, List<String> drivers) {
    boolean inSection = false;
    for (String line : drivers) {
      String[] words = line.strip().split(" ", 2);
      if (line.endsWith(":")) {
        inSection = words[0].equals(kind.equals("char") ? "Character" : "Block");
      } else if (inSection && words[0].equals(Long.toString(major)) && words.length == 2) {
        return Optional.of(words[1]);
      }
    }
    return Optional.empty();
  }

  private static String access(DeviceAccess devices) {
    String rule = devices.toString();
    return rule.substring(rule.lastIndexOf(' ') + 1);
  }
}
