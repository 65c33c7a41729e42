package dev.berth.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonParser;
import dev.berth.proto.cri.v1.ContainerConfig;
import dev.berth.proto.cri.v1.ContainerStats;
import dev.berth.proto.cri.v1.ContainerStatsFilter;
import dev.berth.proto.cri.v1.ContainerStatsRequest;
import dev.berth.proto.cri.v1.ContainerStatusRequest;
import dev.berth.proto.cri.v1.LinuxPodSandboxStats;
import dev.berth.proto.cri.v1.ListContainerStatsRequest;
import dev.berth.proto.cri.v1.ListMetricDescriptorsRequest;
import dev.berth.proto.cri.v1.ListPodSandboxMetricsRequest;
import dev.berth.proto.cri.v1.ListPodSandboxStatsRequest;
import dev.berth.proto.cri.v1.Metric;
import dev.berth.proto.cri.v1.PodSandboxConfig;
import dev.berth.proto.cri.v1.PodSandboxMetrics;
import dev.berth.proto.cri.v1.PodSandboxStatsRequest;
import dev.berth.proto.cri.v1.StatusRequest;
import dev.berth.testing.Await;
import dev.berth.testing.RequiresRoot;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
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
    String init = "sleep 1000 & while :; do wait; done"; // takes the children of others too
    ContainerConfig container = Pods.shell("main", image, init);
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
  void podWithoutAContainerHasItsNetworkToo() throws IOException {
    String empty = pods.run(pods.config("empty"));
    var network =
        node.runtime()
            .podSandboxStats(PodSandboxStatsRequest.newBuilder().setPodSandboxId(empty).build())
            .getStats()
            .getLinux()
            .getNetwork();
    pods.remove(empty);
    assertThat(network.getDefaultInterface().getName()).isEqualTo("eth0");
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

  @Test
  void processesAreCountedAtOnce() {
    long before = processes();
    pods.exec(id, 10, "sh", "-c", "for i in 1 2; do sleep 10 >/dev/null 2>&1 & done");
    assertThat(processes()).isEqualTo(before + 2);
    Await.until("they have ended", LIMIT, () -> processes() == before);
  }

  @Test
  void changesAreSeenInTheNextSecond() {
    long start = stats().getCpu().getTimestamp();
    Await.until(
        "a sample is of its own moment",
        LIMIT,
        () -> stats().getCpu().getTimestamp() - start > Duration.ofSeconds(1).toNanos());
    pods.exec(id, 10, "sh", "-c", "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done");
    long now = Instant.now().toEpochMilli();
    var cpu = stats().getCpu();
    assertThat(Duration.ofMillis(now).minusNanos(cpu.getTimestamp()))
        .isLessThan(Duration.ofSeconds(1));
    Await.until(
        "the rate has the burst in it, of which it is told at the latest a window later",
        LIMIT,
        () -> stats().getCpu().getUsageNanoCores().getValue() > 0);
  }

  @Test
  void listsTellOfTheLastSecond() {
    var _ = listed();
    long before = listedMemory();
    pods.exec(id, 10, "dd", "if=/dev/zero", "of=/dev/shm/listed", "bs=1M", "count=32");
    long written = System.nanoTime();
    Await.until(
        "the list has what was written, or a second has gone",
        LIMIT,
        () ->
            listedMemory() - before > 30 * MIB
                || System.nanoTime() - written > Duration.ofSeconds(1).toNanos());
    assertThat(listedMemory() - before).isGreaterThan(30 * MIB);
    pods.exec(id, 10, "rm", "/dev/shm/listed");
  }

  private long listedMemory() {
    return node.runtime()
        .listContainerStats(ListContainerStatsRequest.getDefaultInstance())
        .getStats(0)
        .getMemory()
        .getUsageBytes()
        .getValue();
  }

  @Test
  void frozenPodHoldsUpNoList() throws Exception {
    ContainerCgroup cgroup = ContainerCgroup.of(pid(id), id);
    cgroup.freeze(true);
    try {
      assertThat(listed()).containsExactly(id);
      assertThat(metrics().getContainerMetrics(0).getContainerId()).isEqualTo(id);
      assertThat(
              node.runtime()
                  .withDeadlineAfter(5, TimeUnit.SECONDS)
                  .listPodSandboxStats(ListPodSandboxStatsRequest.getDefaultInstance())
                  .getStatsCount())
          .isEqualTo(1);
    } finally {
      cgroup.freeze(false);
    }
  }

  @Test
  void brokenContainerIsLeftOutAndMarked() throws Exception {
    PodSandboxConfig broken = pods.config("broken");
    String brokenPod = pods.run(broken);
    ContainerConfig container = Pods.shell("main", pods.status(id).getImageId(), "exec sleep 1000");
    String gone = pods.launch(brokenPod, broken, container);
    assertThat(listed()).containsExactlyInAnyOrder(id, gone);
    ContainerCgroup.of(pid(gone), gone).takeAway();

    Await.until("what was read before is too old", LIMIT, () -> listed().equals(List.of(id)));
    assertThat(metrics().getContainerMetrics(0).getContainerId()).isEqualTo(id);
    String info =
        node.runtime()
            .status(StatusRequest.newBuilder().setVerbose(true).build())
            .getInfoOrThrow("usage");
    assertThat(info).contains(gone).contains("there is no cgroup");
    pods.remove(brokenPod);
    assertThat(listed()).containsExactly(id);
  }

  @Test
  void metricsAgreeWithTheirDescriptionsAndWithStats() {
    pods.exec(id, 10, "dd", "if=/dev/zero", "of=/measured", "bs=1M", "count=5");
    Await.until("the layer was measured", LIMIT, () -> value("container_fs_usage_bytes") > 5 * MIB);
    Map<String, Integer> labels = new HashMap<>();
    node.runtime()
        .listMetricDescriptors(ListMetricDescriptorsRequest.getDefaultInstance())
        .getDescriptorsList()
        .forEach(family -> labels.put(family.getName(), family.getLabelKeysCount()));
    assertThat(containerMetrics())
        .hasSizeGreaterThan(30)
        .allSatisfy(metric ->
            assertThat(metric.getLabelValuesCount()).isEqualTo(labels.get(metric.getName())));
    assertThat(value("container_memory_usage_bytes")).isPositive();
    assertThat(value("container_processes")).isPositive();
    assertThat(value("container_file_descriptors")).isPositive();
    assertThat(value("container_start_time_seconds"))
        .isEqualTo(pods.status(id).getStartedAt() / 1_000_000_000);
    assertThat(metrics().getMetricsList())
        .filteredOn(metric -> metric.getName().equals("container_network_receive_bytes_total"))
        .singleElement()
        .satisfies(metric -> assertThat(metric.getLabelValuesList()).endsWith("stats", "eth0"));
  }

  @Test
  void filesOfAnEndedContainerAreClosed() throws IOException {
    ContainerConfig container =
        Pods.shell("short", pods.status(id).getImageId(), "exec sleep 1000");
    var _ = listed();
    long before = openCgroupFiles();
    String other = pods.launch(pod, config, container);
    assertThat(listed()).containsExactlyInAnyOrder(id, other);
    assertThat(openCgroupFiles()).isGreaterThan(before);
    pods.stopContainer(other, 0);
    Await.until("its files are closed", LIMIT, () -> openCgroupFiles() == before);
    pods.removeContainer(other);
  }

  private long openCgroupFiles() {
    try (Stream<Path> open = Files.list(Path.of("/proc", Long.toString(node.berthdPid()), "fd"))) {
      return open.filter(StatsTest::isFigure).count();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static boolean isFigure(Path descriptor) {
    try {
      String file = Files.readSymbolicLink(descriptor).toString();
      return file.startsWith("/sys/fs/cgroup/") && file.matches(".*(usage|stat|current).*");
    } catch (IOException e) {
      return false; // closed meanwhile
    }
  }

  private List<String> listed() {
    return node
        .runtime()
        .withDeadlineAfter(5, TimeUnit.SECONDS)
        .listContainerStats(ListContainerStatsRequest.getDefaultInstance())
        .getStatsList()
        .stream()
        .map(container -> container.getAttributes().getId())
        .toList();
  }

  private PodSandboxMetrics metrics() {
    return node
        .runtime()
        .withDeadlineAfter(5, TimeUnit.SECONDS)
        .listPodSandboxMetrics(ListPodSandboxMetricsRequest.getDefaultInstance())
        .getPodMetricsList()
        .stream()
        .filter(metrics -> metrics.getPodSandboxId().equals(pod))
        .findFirst()
        .orElseThrow();
  }

  private List<Metric> containerMetrics() {
    return metrics().getContainerMetrics(0).getMetricsList();
  }

  private long value(String name) {
    return containerMetrics().stream()
        .filter(metric -> metric.getName().equals(name))
        .mapToLong(metric -> metric.getValue().getValue())
        .findFirst()
        .orElse(0);
  }

  private long processes() {
    return node.runtime()
        .podSandboxStats(PodSandboxStatsRequest.newBuilder().setPodSandboxId(pod).build())
        .getStats()
        .getLinux()
        .getProcess()
        .getProcessCount()
        .getValue();
  }

  private long pid(String containerId) {
    String info =
        node.runtime()
            .containerStatus(
                ContainerStatusRequest.newBuilder()
                    .setContainerId(containerId)
                    .setVerbose(true)
                    .build())
            .getInfoOrThrow("info");
    return JsonParser.parseString(info).getAsJsonObject().get("pid").getAsLong();
  }

  private ContainerStats stats() {
    return node.runtime()
        .containerStats(ContainerStatsRequest.newBuilder().setContainerId(id).build())
        .getStats();
  }
}
