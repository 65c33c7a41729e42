package dev.berth.runtime.cgroup;

import java.util.ArrayList;
import java.util.List;

/**
 * What to write to {@code devices.deny} and {@code devices.allow} of cgroup v1 so that a policy
 * holds. A group in use keeps what both its old and its new policy allow at every moment.
 *
 * @param denyFirst to devices.deny, before the rest
 * @param allow to devices.allow
 * @param denyLast to devices.deny, after the rest
 */
record DeviceChange(List<String> denyFirst, List<String> allow, List<String> denyLast) {
  private static final String EVERYTHING = "a";

  /** Reckons the change from what {@code devices.list} shows. */
  static DeviceChange of(String devicesList, DevicePolicy policy) {
    List<String> exceptions = policy.exceptions().stream().map(DeviceAccess::toString).toList();
    if (policy.allowedByDefault()) {
      return new DeviceChange(List.of(), List.of(EVERYTHING), exceptions);
    }
    List<DeviceAccess> old = parse(devicesList);
    if (old.stream().anyMatch(access -> access.type() == 'a')) {
      return new DeviceChange(List.of(EVERYTHING), exceptions, List.of());
    }
    return new DeviceChange(List.of(), exceptions, surplus(old, policy.exceptions()));
  }

  /** Returns what the old list allows and the new one does not. */
  private static List<String> surplus(List<DeviceAccess> old, List<DeviceAccess> wanted) {
    List<String> surplus = new ArrayList<>();
    for (DeviceAccess each : old) {
      int access = each.access();
      for (DeviceAccess kept : wanted) {
        access &= kept.sameDevices(each) ? ~kept.access() : DeviceAccess.ALL;
      }
      if (access != 0) {
        surplus.add(each.withAccess(access).toString());
      }
    }
    return surplus;
  }

  private static List<DeviceAccess> parse(String devicesList) {
    return devicesList.lines().map(DeviceAccess::parse).toList();
  }
}
