package dev.berth.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.proto.cri.v1.ContainerConfig;
import dev.berth.proto.cri.v1.LinuxContainerResources;
import dev.berth.proto.cri.v1.PodSandboxConfig;
import dev.berth.proto.cri.v1.PodSandboxStatusRequest;
import dev.berth.proto.cri.v1.UpdateContainerResourcesRequest;
import dev.berth.proto.cri.v1.UpdatePodSandboxResourcesRequest;
import dev.berth.testing.RequiresRoot;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** Limits change in place, in every state of a container. */
@RequiresRoot
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class ResourceUpdateTest {
  private static final long MIB = 1 << 20;

  /** v1 names the limit by another file than v2. */
  static final String READ_MEMORY_LIMIT =
      "cat /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null || cat /sys/fs/cgroup/memory.max";

  @TempDir private static Path directory;
  private PodNode running;
  private BerthNode node;
  private Pods pods;
  private String image;
  private PodSandboxConfig config;
  private String pod;

  @BeforeAll
  void start() throws Exception {
    running = PodNode.start(directory);
    node = running.node();
    pods = running.pods();
    image = running.image();
    config = pods.config("update");
    pod = pods.run(config);
  }

  @AfterAll
  void stop() throws IOException {
    pods.remove(pod);
    running.close();
  }

  @Test
  void limitOfARunningContainerIsInForceAtOnce() {
    String id = pods.launch(pod, config, limited("running", 64 * MIB));
    assertThat(memoryLimit(id)).isEqualTo(64 * MIB);

    update(id, LinuxContainerResources.newBuilder().setMemoryLimitInBytes(96 * MIB));
    assertThat(memoryLimit(id)).isEqualTo(96 * MIB);
    update(id, LinuxContainerResources.newBuilder().setMemoryLimitInBytes(32 * MIB));
    assertThat(memoryLimit(id)).isEqualTo(32 * MIB);
    pods.removeContainer(id);
  }

  @Test
  void whatARequestLeavesOutStaysAsItIs() {
    String id = pods.launch(pod, config, limited("partial", 64 * MIB));
    update(id, LinuxContainerResources.newBuilder().setCpuShares(512));

    assertThat(memoryLimit(id)).isEqualTo(64 * MIB);
    LinuxContainerResources shown = pods.status(id).getResources().getLinux();
    assertThat(shown.getCpuShares()).isEqualTo(512);
    assertThat(shown.getMemoryLimitInBytes()).isEqualTo(64 * MIB);
    pods.removeContainer(id);
  }

  @Test
  void changeBeforeTheStartHoldsAfterIt() {
    String id = pods.create(pod, config, limited("created", 64 * MIB));
    update(id, LinuxContainerResources.newBuilder().setMemoryLimitInBytes(48 * MIB));
    pods.start(id);
    assertThat(memoryLimit(id)).isEqualTo(48 * MIB);
    pods.removeContainer(id);
  }

  @Test
  void oneThatHasEndedOnlyRemembers() {
    ContainerConfig ended = Pods.shell("ended", image, "true");
    String id = pods.launch(pod, config, ended);
    var _ = pods.awaitExit(id);
    update(id, LinuxContainerResources.newBuilder().setCpuShares(77));
    assertThat(pods.status(id).getResources().getLinux().getCpuShares()).isEqualTo(77);
    pods.removeContainer(id);
  }

  @Test
  void whatTheKernelRefusesChangesNothing() {
    String id = pods.launch(pod, config, limited("refused", 64 * MIB));
    var impossible =
        LinuxContainerResources.newBuilder().setMemoryLimitInBytes(80 * MIB).setCpusetCpus("4095");
    assertThatThrownBy(() -> update(id, impossible))
        .isInstanceOf(StatusRuntimeException.class)
        .hasMessageContaining("cpu");
    assertThat(memoryLimit(id)).isEqualTo(64 * MIB);
    assertThat(pods.status(id).getResources().getLinux().getCpusetCpus()).isEmpty();
    pods.removeContainer(id);
  }

  @Test
  void scoreByWhichTheKernelKillsIsThatOfTheFirstProcess() {
    String id = pods.launch(pod, config, limited("scored", 64 * MIB));
    update(id, LinuxContainerResources.newBuilder().setOomScoreAdj(321));

    assertThat(score(id)).isEqualTo("321");
    assertThat(pods.status(id).getResources().getLinux().getOomScoreAdj()).isEqualTo(321);
    assertThat(memoryLimit(id)).isEqualTo(64 * MIB);

    var tooMuch = LinuxContainerResources.newBuilder().setOomScoreAdj(1001);
    assertThatThrownBy(() -> update(id, tooMuch))
        .hasMessage("INVALID_ARGUMENT: resources.oom_score_adj 1001 is not between -1000 and 1000");
    assertThat(score(id)).isEqualTo("321");
    pods.removeContainer(id);
  }

  private String score(String id) {
    return pods.exec(id, 10, "cat", "/proc/1/oom_score_adj").getStdout().toStringUtf8().strip();
  }

  @Test
  void podRemembersWhatItMayUseAndAnUnknownOneIsNotFound() {
    var resources = LinuxContainerResources.newBuilder().setCpuShares(2048).build();
    var request = UpdatePodSandboxResourcesRequest.newBuilder().setResources(resources);
    var _ = node.runtime().updatePodSandboxResources(request.setPodSandboxId(pod).build());
    var verbose =
        PodSandboxStatusRequest.newBuilder().setPodSandboxId(pod).setVerbose(true).build();
    assertThat(node.runtime().podSandboxStatus(verbose).getInfoMap().get("info")).contains("2048");

    assertThatThrownBy(
            () -> node.runtime().updatePodSandboxResources(request.setPodSandboxId("none").build()))
        .isInstanceOfSatisfying(
            StatusRuntimeException.class,
            e -> assertThat(e.getStatus().getCode()).isEqualTo(Status.Code.NOT_FOUND));
  }

  private ContainerConfig limited(String name, long memoryBytes) {
    var container = Pods.shell(name, image, "exec sleep 1000").toBuilder();
    container.getLinuxBuilder().getResourcesBuilder().setMemoryLimitInBytes(memoryBytes);
    return container.build();
  }

  private void update(String id, LinuxContainerResources.Builder change) {
    var request =
        UpdateContainerResourcesRequest.newBuilder().setContainerId(id).setLinux(change).build();
    var _ = node.runtime().updateContainerResources(request);
  }

  private long memoryLimit(String id) {
    return Long.parseLong(
        pods.exec(id, 10, "sh", "-c", READ_MEMORY_LIMIT).getStdout().toStringUtf8().strip());
  }
}
