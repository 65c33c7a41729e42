package dev.berth.cri;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.base.BerthException;
import dev.berth.base.BerthException.Kind;
import dev.berth.sandbox.CgroupDriver;
import org.junit.jupiter.api.Test;

class HostChecksTest {
  @Test
  void driverWithoutItsSystemdIsRefusedByItsKey() {
    assertThatThrownBy(() -> HostChecks.requireCgroupDriver(CgroupDriver.SYSTEMD, false))
        .isInstanceOfSatisfying(
            BerthException.class, e -> assertThat(e.kind()).isEqualTo(Kind.FAILED_PRECONDITION))
        .hasMessageStartingWith("cgroup_driver is systemd, but systemd does not run this host");
    assertThatCode(() -> HostChecks.requireCgroupDriver(CgroupDriver.SYSTEMD, true))
        .doesNotThrowAnyException();
    assertThatCode(() -> HostChecks.requireCgroupDriver(CgroupDriver.CGROUPFS, false))
        .doesNotThrowAnyException();
  }
}
