package dev.berth.runtime.spec;

import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;

/** What {@code linux.netDevices} must satisfy. */
final class NetDeviceRules {
  /** IFNAMSIZ of linux/if.h, without the NUL. */
  private static final int MAX_NAME = 15;

  private NetDeviceRules() {}

  static void check(Field field, Linux linux) {
    if (linux.netDevices().isEmpty()) {
      return;
    }
    field.require(linux.namespace("network").isPresent(), "needs a network namespace");
    Set<String> names = new HashSet<>();
    for (Map.Entry<String, NetDevice> entry : linux.netDevices().entrySet()) {
      Field device = field.entry(entry.getKey());
      device.require(isName(entry.getKey()), "not the name of a network device");
      String name = entry.getValue().name();
      if (name != null) {
        template(device.child("name"), name);
      }
      String inside = name == null ? entry.getKey() : name;
      device.require(
          inside.contains("%d") || names.add(inside),
          "another device is called " + inside + " too");
    }
  }

  /** The kernel replaces one {@code %d} by the first free number. */
  private static void template(Field field, String name) {
    field.require(
        fits(name) && isName(name.replaceFirst("%d", "0")),
        "not the name of a network device, nor a template with one %d: " + Field.quoted(name));
  }

  /** dev_valid_name of the kernel; what holds a percent sign is always a template. */
  private static boolean isName(String name) {
    return !name.isEmpty()
        && fits(name)
        && !name.equals(".")
        && !name.equals("..")
        && name.chars().allMatch(c -> c > ' ' && c != 127 && "/:%".indexOf(c) < 0);
  }

  private static boolean fits(String name) {
    return name.getBytes(StandardCharsets.UTF_8).length <= MAX_NAME;
  }
}
