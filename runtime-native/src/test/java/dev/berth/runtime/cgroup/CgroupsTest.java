package dev.berth.runtime.cgroup;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

class CgroupsTest {
  private static final Set<String> CONTROLLERS =
      Cgroups.controllers(
          """
          #subsys_name	hierarchy	num_cgroups	enabled
          cpu	1	1	1
          cpuacct	1	1	1
          memory	4	14	1
          """);

  @Test
  void coMountedControllersAreOneHierarchy() {
    List<MountInfo> mounts =
        v1(
            """
            32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct
            33 31 0:30 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd
            34 31 0:31 / /my\\040mem rw,relatime - cgroup cgroup rw,memory
            41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
            """);
    assertThat(mounts)
        .extracting(MountInfo::hierarchy)
        .containsExactly(Set.of("cpu", "cpuacct"), Set.of("name=systemd"), Set.of("memory"));
    assertThat(mounts.get(2).mountPoint()).isEqualTo(Path.of("/my mem"));
  }

  @Test
  void hierarchyMountedTwiceCountsOnce() {
    assertThat(
            v1(
                """
                34 31 0:31 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
                99 31 0:31 /sub /elsewhere rw - cgroup cgroup rw,memory
                """))
        .extracting(MountInfo::mountPoint)
        .containsExactly(Path.of("/sys/fs/cgroup/memory"));
  }

  @Test
  void lonelySystemdHierarchyDoesNotMakeAHostV1() {
    assertThat(
            v1(
                """
                33 31 0:30 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd
                41 31 0:38 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate
                """))
        .isEmpty();
  }

  private static List<MountInfo> v1(String mountinfo) {
    return Cgroups.v1(MountInfo.parse(mountinfo, CONTROLLERS));
  }
}
