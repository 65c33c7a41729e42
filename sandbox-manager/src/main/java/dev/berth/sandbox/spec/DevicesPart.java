package dev.berth.sandbox.spec;

import dev.berth.runtime.spec.Device;
import dev.berth.runtime.spec.Resources;
import dev.berth.runtime.spec.RuntimeSpec;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Writes the device nodes and which devices the cgroup lets the container use. */
final class DevicesPart implements SpecAdjuster {
  private record Allowed(long major, @Nullable Long minor) {}

  /** null, zero, full, tty, urandom, random, console, the pseudo terminals and ptmx. */
  private static final List<Allowed> DEFAULT =
      List.of(
          new Allowed(1, 3L),
          new Allowed(1, 5L),
          new Allowed(1, 7L),
          new Allowed(5, 0L),
          new Allowed(1, 9L),
          new Allowed(1, 8L),
          new Allowed(5, 1L),
          new Allowed(136, null),
          new Allowed(5, 2L));

  @Override
  public RuntimeSpec adjust(RuntimeSpec spec, SpecInput input) {
    List<Device> nodes = input.devices().stream().map(DevicesPart::node).toList();
    RuntimeSpec withNodes = SpecParts.linux(spec, linux -> linux.devices(nodes));
    return SpecParts.resources(withNodes, resources -> resources.devices(rules(input)));
  }

  static Device node(HostDevice device) {
    return new Device(
        device.containerPath(),
        device.type(),
        device.major(),
        device.minor(),
        device.mode(),
        device.uid(),
        device.gid());
  }

  private static List<Resources.DeviceRule> rules(SpecInput input) {
    if (input.isPrivileged()) {
      return List.of(new Resources.DeviceRule(true, null, null, null, "rwm"));
    }
    List<Resources.DeviceRule> rules = new ArrayList<>();
    rules.add(new Resources.DeviceRule(false, null, null, null, "rwm"));
    for (Allowed device : DEFAULT) {
      rules.add(new Resources.DeviceRule(true, "c", device.major(), device.minor(), "rwm"));
    }
    for (HostDevice device : input.devices()) {
      rules.add(
          new Resources.DeviceRule(
              true, device.type(), device.major(), device.minor(), device.access()));
    }
    return rules;
  }
}
