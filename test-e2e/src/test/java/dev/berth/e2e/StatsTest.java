package dev.berth.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.berth.proto.cri.v1.ContainerConfig;
import dev.berth.proto.cri.v1.ContainerStats;
import dev.berth.proto.cri.v1.ContainerStatsFilter;
import dev.berth.proto.cri.v1.ContainerStatsRequest;
import dev.berth.proto.cri.v1.LinuxPodSandboxStats;
import dev.berth.proto.cri.v1.ListContainerStatsRequest;
import dev.berth.proto.cri.v1.PodSandboxConfig;
import dev.berth.proto.cri.v1.PodSandboxStatsRequest;
import dev.berth.testing.Await;
import dev.berth.testing.RequiresRoot;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** What a container does shows in its figures. */
@RequiresRoot
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class StatsTest {
  private static final Duration LIMIT = Duration.ofSeconds(20);
  private static final long MIB = 1 << 20;

  @TempDir private static Path directory;
  private PodNode running;
  private BerthNode node;
  private Pods pods;
  private PodSandboxConfig config;
  private String pod;
  private String id;

  @BeforeAll
  void start() throws Exception {
    running = PodNode.start(directory);
    node = running.node();
    pods = running.pods();
    String image = running.image();
    config = pods.config("stats");
    pod = pods.run(config);
    ContainerConfig container = Pods.shell("main", image, "exec sleep 1000");
    id = pods.launch(pod, config, container);
  }

  @AfterAll
  void stop() throws IOException {
    pods.remove(pod);
    running.close();
  }

  @Test
  void cpuTimeIsSeenAtOnce() {
    long before = stats().getCpu().getUsageCoreNanoSeconds().getValue();
    pods.exec(id, 10, "sh", "-c", "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done");
    long after = stats().getCpu().getUsageCoreNanoSeconds().getValue();
    assertThat(after - before).isGreaterThan(20_000_000);
  }

  @Test
  void memoryInUseIsSeenAtOnce() {
    long before = stats().getMemory().getUsageBytes().getValue();
    pods.exec(id, 10, "dd", "if=/dev/zero", "of=/dev/shm/big", "bs=1M", "count=32");
    long after = stats().getMemory().getUsageBytes().getValue();
    assertThat(after - before).isGreaterThan(30 * MIB);
    pods.exec(id, 10, "rm", "/dev/shm/big");
  }

  @Test
  void writtenFilesAreMeasuredInTheBackground() {
    pods.exec(id, 10, "dd", "if=/dev/zero", "of=/written", "bs=1M", "count=3");
    Await.until(
        "the layer was measured",
        LIMIT.plusSeconds(10),
        () -> stats().getWritableLayer().getUsedBytes().getValue() > 3 * MIB);
    assertThat(stats().getWritableLayer().getInodesUsed().getValue()).isPositive();
  }

  @Test
  void podHasItsNetworkItsProcessesAndItsContainers() {
    LinuxPodSandboxStats stats =
        node.runtime()
            .podSandboxStats(PodSandboxStatsRequest.newBuilder().setPodSandboxId(pod).build())
            .getStats()
            .getLinux();
    assertThat(stats.getNetwork().getDefaultInterface().getName()).isEqualTo("eth0");
    assertThat(stats.getProcess().getProcessCount().getValue()).isPositive();
    assertThat(stats.getMemory().getUsageBytes().getValue()).isPositive();
    assertThat(stats.getContainersList())
        .extracting(container -> container.getAttributes().getId())
        .containsExactly(id);
  }

  @Test
  void listHasOnlyWhatRunsAndObeysItsFilter() {
    String created =
        pods.create(pod, config, Pods.shell("idle", pods.status(id).getImageId(), "true"));
    var all = node.runtime().listContainerStats(ListContainerStatsRequest.getDefaultInstance());
    assertThat(all.getStatsList())
        .extracting(container -> container.getAttributes().getId())
        .containsExactly(id);
    var other = ContainerStatsFilter.newBuilder().putLabelSelector("no", "such");
    assertThat(
            node.runtime()
                .listContainerStats(ListContainerStatsRequest.newBuilder().setFilter(other).build())
                .getStatsList())
        .isEmpty();
    pods.removeContainer(created);
  }

  private ContainerStats stats() {
    return node.runtime()
        .containerStats(ContainerStatsRequest.newBuilder().setContainerId(id).build())
        .getStats();
  }
}
