package dev.berth.runtime.cgroup;

import static org.assertj.core.api.Assertions.assertThat;

import dev.berth.runtime.spec.Resources.DeviceRule;
import dev.berth.runtime.systemd.UnitProperty;
import dev.berth.runtime.systemd.UnitProperty.Value;
import java.util.List;
import org.junit.jupiter.api.Test;

class DevicePropertiesTest {
  private static final List<String> DRIVERS =
      List.of(
          "Character devices:", "  1 mem", "136 pts", "", "Block devices:", "  8 sd", "136 other");

  private static List<UnitProperty> of(DeviceRule... rules) {
    return DeviceProperties.of(DevicePolicy.of(List.of(rules)), DRIVERS);
  }

  @Test
  void devicesGoByNumberOrDriver() {
    List<UnitProperty> properties =
        of(
            new DeviceRule(false, "a", null, null, "rwm"),
            new DeviceRule(true, "b", 8L, null, "r"),
            new DeviceRule(true, "c", 99L, null, "r"));
    assertThat(properties.getFirst()).isEqualTo(UnitProperty.of("DevicePolicy", "strict"));
    assertThat(((Value.DeviceAccesses) properties.get(1).value()).accesses())
        .contains(
            new UnitProperty.DeviceAccess("block-sd", "r"),
            new UnitProperty.DeviceAccess("char-pts", "rwm"),
            new UnitProperty.DeviceAccess("char-*", "m"),
            new UnitProperty.DeviceAccess("/dev/char/1:3", "rwm"))
        .noneMatch(one -> one.device().contains("99"));
  }

  @Test
  void everythingIsSystemdsDefault() {
    assertThat(of(new DeviceRule(true, "a", null, null, "rwm")))
        .containsExactly(
            UnitProperty.of("DevicePolicy", "auto"),
            new UnitProperty("DeviceAllow", new Value.DeviceAccesses(List.of())));
  }
}
