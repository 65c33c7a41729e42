package dev.berth.sandbox;

import static org.assertj.core.api.Assertions.assertThat;

import dev.berth.runtime.cgroup.Cgroup;
import dev.berth.runtime.cgroup.CgroupPath;
import dev.berth.runtime.cgroup.Cgroups;
import dev.berth.testing.Await;
import java.time.Duration;
import org.junit.jupiter.api.Test;

final class BerthShimPodLifecycleTest extends PodLifecycleContract {
  BerthShimPodLifecycleTest() {
    super("berth");
  }

  /** As a shim leaves it that dies after it has made a task's cgroup and before it says so. */
  @Test
  void aCgroupThatNobodyKnowsGoesWithItsPod() throws Exception {
    SandboxStatus pod = node.run(node.pod("web"));
    Cgroup lost =
        Cgroups.detect().at(CgroupPath.parse(node.cgroup + "/pod" + pod.id() + "/lost/inner"));
    lost.create();
    Process stray = new ProcessBuilder("sleep", "1000").start();
    try {
      lost.add(stray.pid());
      node.remove(pod);
      Await.until("the stray is dead", Duration.ofSeconds(10), () -> !stray.isAlive());
    } finally {
      stray.destroyForcibly();
    }
    assertThat(node.cgroups()).isEmpty();
    node.assertNothingLeft();
  }
}
