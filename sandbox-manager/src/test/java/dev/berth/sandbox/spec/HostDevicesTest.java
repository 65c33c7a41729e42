package dev.berth.sandbox.spec;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.proto.cri.v1.Device;
import java.util.List;
import org.junit.jupiter.api.Test;

final class HostDevicesTest {
  @Test
  void aDeviceIsReadFromItsNode() {
    var device = HostDevices.resolve(List.of(device("/dev/null", "rw")), false).getFirst();
    assertThat(device.containerPath()).isEqualTo("/dev/in-container");
    assertThat(device.type()).isEqualTo("c");
    assertThat(device.major()).isEqualTo(1);
    assertThat(device.minor()).isEqualTo(3);
    assertThat(device.mode()).isEqualTo(0666);
    assertThat(device.access()).isEqualTo("rw");
  }

  @Test
  void aPrivilegedContainerGetsTheDevicesOfTheHostButNoTerminals() {
    assertThat(HostDevices.resolve(List.of(), true))
        .extracting(HostDevice::containerPath)
        .contains("/dev/null", "/dev/zero")
        .noneMatch(path -> path.startsWith("/dev/pts/"));
  }

  @Test
  void whatIsNoDeviceIsNamed() {
    assertThatThrownBy(() -> HostDevices.resolve(List.of(device("/etc/passwd", "r")), false))
        .hasMessageContaining("devices[0]")
        .hasMessageContaining("/etc/passwd");
    assertThatThrownBy(() -> HostDevices.resolve(List.of(device("/dev/absent", "r")), false))
        .hasMessageContaining("/dev/absent");
    assertThatThrownBy(() -> HostDevices.resolve(List.of(device("/dev/null", "rx")), false))
        .hasMessageContaining("permissions \"rx\"");
    assertThatThrownBy(() -> HostDevices.resolve(List.of(device("/dev/null", "")), false))
        .hasMessageContaining("permissions \"\"");
  }

  private static Device device(String host, String permissions) {
    return Device.newBuilder()
        .setHostPath(host)
        .setContainerPath("/dev/in-container")
        .setPermissions(permissions)
        .build();
  }
}
