package dev.berth.sandbox;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.base.BerthException;
import dev.berth.proto.cri.v1.ContainerConfig;
import dev.berth.proto.cri.v1.LinuxContainerResources;
import dev.berth.proto.cri.v1.PodSandboxConfig;
import dev.berth.runtime.systemd.Systemd;
import dev.berth.testing.Await;
import dev.berth.testing.RequiresSystemd;
import dev.berth.testing.Systemctl;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Pods whose parent is a slice, as the kubelet makes it with its systemd driver. */
@RequiresSystemd
class ScopePodTest {
  private static final Duration LIMIT = Duration.ofSeconds(30);

  @TempDir private Path directory;
  private final String top = "kubeberth" + ProcessHandle.current().pid();
  private final String slice = top + "-burstable-pod1_2.slice";
  private final String path =
      "/" + top + ".slice/" + top + "-burstable.slice/" + top + "-burstable-pod1_2.slice";
  private TestNode node;

  @BeforeEach
  void open() throws Exception {
    node = new TestNode(directory, "berth", CgroupDriver.SYSTEMD);
  }

  @AfterEach
  void close() throws Exception {
    node.close();
    for (String unit : new String[] {slice, top + "-burstable.slice", top + ".slice"}) {
      Systemd.ofHost().stop(unit);
    }
  }

  private SandboxStatus run(String parent) {
    PodSandboxConfig.Builder config = node.pod("web");
    config.getLinuxBuilder().setCgroupParent(parent);
    return node.run(config);
  }

  private static String scope(String containerId) {
    return "cri-berth-test-" + containerId + ".scope";
  }

  @Test
  void containersAreScopesInTheSliceOfTheirPod() throws Exception {
    SandboxStatus pod = run(path);
    ContainerStatus container = node.start(pod, node.container("main", "/bin/sleep", "1000"));
    assertThat(Systemctl.show(scope(container.id()), "Slice")).isEqualTo(slice);
    assertThat(Systemctl.show(scope(container.id()), "ControlGroup"))
        .isEqualTo(path + "/" + scope(container.id()));
    node.containers()
        .update(
            container.id(),
            LinuxContainerResources.newBuilder().setMemoryLimitInBytes(64 << 20).build(),
            TestNode.operation("UpdateContainerResources"));
    assertThat(Systemctl.show(scope(container.id()), "MemoryMax")).isEqualTo("67108864");
    assertThat(node.manager.usage().containers(ContainerFilter.ALL))
        .singleElement()
        .satisfies(usage -> assertThat(usage.cgroup().orElseThrow().pids()).hasValue(1));
    assertThat(node.manager.usage().sandboxes(SandboxFilter.ALL))
        .singleElement()
        .satisfies(usage -> assertThat(usage.cgroup()).isPresent());
    assertThat(node.manager.usage().metrics())
        .singleElement()
        .satisfies(metrics -> {
          assertThat(metrics.cgroup()).isEqualTo(path);
          assertThat(metrics.containers())
              .singleElement()
              .satisfies(
                  one -> assertThat(one.cgroup()).isEqualTo(path + "/" + scope(container.id())));
        });
    assertThat(Systemctl.show("berth-test-shim.scope", "ActiveState")).isEqualTo("active");
    node.remove(pod);
    awaitForgotten(scope(container.id()));
    assertThat(Systemctl.show(slice, "ActiveState")).isEqualTo("active"); // the kubelet's
  }

  private static void awaitForgotten(String unit) {
    Await.until(
        "the unit is forgotten",
        LIMIT,
        () -> Systemctl.show(unit, "LoadState").equals("not-found"));
  }

  @Test
  void sliceAloneIsEnough() {
    ContainerStatus container =
        node.start(run(slice), node.container("main", "/bin/sleep", "1000"));
    assertThat(Systemctl.show(scope(container.id()), "Slice")).isEqualTo(slice);
  }

  @Test
  void podWithoutAParentHasASliceThatGoesWithIt() throws Exception {
    SandboxStatus pod = node.run(node.podWithPause("web"));
    String own = node.cgroup.substring(1).replace(".slice", "-pod" + pod.id() + ".slice");
    assertThat(Systemctl.show(scope(pod.id()), "Slice")).isEqualTo(own);
    node.remove(pod);
    assertThat(Systemctl.show(own, "ActiveState")).isEqualTo("inactive");
    node.assertNothingLeft();
  }

  @Test
  void parentThatIsNoSliceIsNamed() {
    for (String parent : new String[] {"/kubepods/pod1", "/a--b.slice", "/.slice"}) {
      assertThatThrownBy(() -> run(parent))
          .isInstanceOfSatisfying(
              BerthException.class,
              e -> assertThat(e.kind()).isEqualTo(BerthException.Kind.INVALID_ARGUMENT))
          .hasMessageContaining("linux.cgroup_parent \"" + parent + "\"");
    }
  }

  /** systemd has removed the scope by then, and with it what it had counted. */
  @Test
  void everyKillForWantOfMemoryIsReportedAndNoOtherKill() {
    SandboxStatus pod = run(path);
    for (int round = 0; round < 5; round++) {
      ContainerConfig.Builder hungry =
          node.container("hungry" + round, "/bin/dd", "if=/dev/zero", "of=/dev/null", "bs=200M");
      hungry.getLinuxBuilder().getResourcesBuilder().setMemoryLimitInBytes(32 << 20);
      assertThat(reason(node.start(pod, hungry).id())).isEqualTo(ExitReasons.OOM_KILLED);
      ContainerConfig.Builder killed =
          node.container("killed" + round, "/bin/sh", "-c", "sh -c 'kill -9 $$'; exit $?");
      assertThat(reason(node.start(pod, killed).id())).isEqualTo(ExitReasons.ERROR);
    }
  }

  private String reason(String containerId) {
    Await.until(
        "it has exited",
        LIMIT,
        () -> node.containers().status(containerId).state() instanceof ContainerState.Exited);
    var exited = (ContainerState.Exited) node.containers().status(containerId).state();
    assertThat(exited.exitCode()).isEqualTo(137);
    return exited.reason();
  }
}
