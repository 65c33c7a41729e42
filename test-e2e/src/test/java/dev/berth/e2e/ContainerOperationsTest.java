package dev.berth.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.proto.cri.v1.Container;
import dev.berth.proto.cri.v1.ContainerConfig;
import dev.berth.proto.cri.v1.ContainerFilter;
import dev.berth.proto.cri.v1.ContainerMetadata;
import dev.berth.proto.cri.v1.ContainerState;
import dev.berth.proto.cri.v1.ContainerStats;
import dev.berth.proto.cri.v1.ContainerStatsFilter;
import dev.berth.proto.cri.v1.ContainerStatsRequest;
import dev.berth.proto.cri.v1.ExecSyncResponse;
import dev.berth.proto.cri.v1.ListContainerStatsRequest;
import dev.berth.proto.cri.v1.ListContainersRequest;
import dev.berth.proto.cri.v1.PodSandboxConfig;
import dev.berth.proto.cri.v1.ReopenContainerLogRequest;
import dev.berth.testing.Await;
import dev.berth.testing.RequiresRoot;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** What a client does with a container, one call at a time. */
@RequiresRoot
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class ContainerOperationsTest {
  private static final Duration LIMIT = Duration.ofSeconds(20);

  @TempDir private static Path directory;
  private PodNode started;
  private Pods pods;
  private PodSandboxConfig config;
  private String pod;

  @BeforeAll
  void start() throws Exception {
    started = PodNode.start(directory);
    pods = started.pods();
    config = pods.config("operations");
    pod = pods.run(config);
  }

  @AfterEach
  void removeContainers() {
    pods.containersOf(pod).forEach(pods::removeContainer);
  }

  @AfterAll
  void stop() throws IOException {
    started.close();
  }

  private ContainerConfig sleeper(String name) {
    return Pods.shell(name, started.image(), "exec sleep 1000");
  }

  private String launch(String name) {
    return pods.launch(pod, config, sleeper(name));
  }

  private ContainerState state(String id) {
    return pods.status(id).getState();
  }

  @Test
  void createdContainerIsListed() {
    String id = pods.create(pod, config, sleeper("created"));
    assertThat(pods.containersOf(pod)).containsExactly(id);
    assertThat(state(id)).isEqualTo(ContainerState.CONTAINER_CREATED);
  }

  @Test
  void attributesAreKept() {
    ContainerConfig wanted =
        sleeper("attributes").toBuilder()
            .setMetadata(ContainerMetadata.newBuilder().setName("attributes").setAttempt(2))
            .putAllLabels(Map.of("foo", "bar", "empty", ""))
            .putAllAnnotations(Map.of("a.b/c", "d=e,f", "ünï", "✓"))
            .build();
    String id = pods.create(pod, config, wanted);
    var status = pods.status(id);
    assertThat(status.getMetadata()).isEqualTo(wanted.getMetadata());
    assertThat(status.getLabelsMap()).isEqualTo(wanted.getLabelsMap());
    assertThat(status.getAnnotationsMap()).isEqualTo(wanted.getAnnotationsMap());
    Container listed = list(ContainerFilter.newBuilder().setId(id)).getFirst();
    assertThat(listed.getMetadata()).isEqualTo(wanted.getMetadata());
    assertThat(listed.getLabelsMap()).isEqualTo(wanted.getLabelsMap());
    assertThat(listed.getAnnotationsMap()).isEqualTo(wanted.getAnnotationsMap());
  }

  private List<Container> list(ContainerFilter.Builder filter) {
    return started
        .node()
        .runtime()
        .listContainers(ListContainersRequest.newBuilder().setFilter(filter).build())
        .getContainersList();
  }

  @Test
  void idsAreFoundByTheirBeginning() {
    String id = pods.create(pod, config, sleeper("prefix"));
    assertThat(list(ContainerFilter.newBuilder().setId(id.substring(0, 12))))
        .extracting(Container::getId)
        .containsExactly(id);
  }

  @Test
  void startedContainerRuns() {
    assertThat(state(launch("started"))).isEqualTo(ContainerState.CONTAINER_RUNNING);
  }

  @Test
  void stoppedContainerHasExited() {
    String id = launch("stopped");
    pods.stopContainer(id, 0);
    assertThat(state(id)).isEqualTo(ContainerState.CONTAINER_EXITED);
  }

  @Test
  void createdContainerIsRemoved() {
    String id = pods.create(pod, config, sleeper("never-started"));
    pods.removeContainer(id);
    assertThat(pods.containersOf(pod)).isEmpty();
  }

  @Test
  void runningContainerIsRemoved() {
    String id = launch("running");
    pods.removeContainer(id);
    assertThat(pods.containersOf(pod)).isEmpty();
  }

  @Test
  void stoppedContainerIsRemoved() {
    String id = launch("ended");
    pods.stopContainer(id, 0);
    pods.removeContainer(id);
    assertThat(pods.containersOf(pod)).isEmpty();
  }

  @Test
  void wholeLifeCanBeHadAgainUnderTheSameName() {
    for (int round = 0; round < 3; round++) {
      String id = launch("again");
      assertThat(state(id)).isEqualTo(ContainerState.CONTAINER_RUNNING);
      pods.stopContainer(id, 0);
      pods.removeContainer(id);
    }
  }

  @Test
  void commandIsExecuted() {
    ExecSyncResponse answer = pods.exec(launch("exec"), 10, "echo", "hello");
    assertThat(answer.getStdout().toStringUtf8()).isEqualTo("hello\n");
    assertThat(answer.getExitCode()).isZero();
  }

  @Test
  void commandThatTakesTooLongIsGone() {
    String id = launch("timeout");
    assertThatThrownBy(() -> pods.exec(id, 1, "sleep", "321321"))
        .isInstanceOfSatisfying(
            StatusRuntimeException.class,
            e -> assertThat(e.getStatus().getCode()).isEqualTo(Status.Code.DEADLINE_EXCEEDED));
    assertThat(pods.exec(id, 10, "ps").getStdout().toStringUtf8()).doesNotContain("321321");
  }

  /** Children, a grandchild whose parent has ended, and one in a session of its own. */
  @Test
  void commandThatTakesTooLongIsGoneWithAllThatItHasMade() {
    String id = launch("family");
    String script = "sleep 321322 & (sleep 321323 &); setsid sleep 321324 & sleep 321325";
    assertThatThrownBy(() -> pods.exec(id, 1, "sh", "-c", script))
        .isInstanceOfSatisfying(
            StatusRuntimeException.class,
            e -> assertThat(e.getStatus().getCode()).isEqualTo(Status.Code.DEADLINE_EXCEEDED));
    assertThat(pods.exec(id, 10, "ps").getStdout().toStringUtf8()).doesNotContain("32132");
  }

  @Test
  void whatACommandThatEndsHasLeftGoesOn() {
    String id = launch("background");
    pods.exec(id, 10, "sh", "-c", "sleep 321326 >/dev/null 2>&1 &");
    assertThat(pods.exec(id, 10, "ps").getStdout().toStringUtf8()).contains("321326");
  }

  @Test
  void statsOfAContainerHaveItsName() {
    String id = launch("measured");
    ContainerStats stats =
        started
            .node()
            .runtime()
            .containerStats(ContainerStatsRequest.newBuilder().setContainerId(id).build())
            .getStats();
    assertThat(stats.getAttributes().getId()).isEqualTo(id);
    assertThat(stats.getAttributes().getMetadata().getName()).isEqualTo("measured");
    assertThat(stats.getCpu().getTimestamp()).isPositive();
    assertThat(stats.getMemory().getTimestamp()).isPositive();
  }

  @Test
  void statsAreListedById() {
    String id = launch("by-id");
    launch("another");
    assertThat(stats(ContainerStatsFilter.newBuilder().setId(id))).containsExactly(id);
  }

  @Test
  void statsAreListedWithoutAFilter() {
    String id = launch("no-filter");
    assertThat(statsOfAll()).containsExactly(id);
  }

  @Test
  void statsOfThreeContainersAreListed() {
    List<String> ids = List.of(launch("first"), launch("second"), launch("third"));
    assertThat(statsOfAll()).containsExactlyInAnyOrderElementsOf(ids);
  }

  @Test
  void statsAreListedByLabel() {
    ContainerConfig labelled = sleeper("labelled").toBuilder().putLabels("foo", "bar").build();
    String id = pods.launch(pod, config, labelled);
    launch("plain");
    assertThat(stats(ContainerStatsFilter.newBuilder().putLabelSelector("foo", "bar")))
        .containsExactly(id);
    assertThat(stats(ContainerStatsFilter.newBuilder().putLabelSelector("foo", "other"))).isEmpty();
  }

  private List<String> stats(ContainerStatsFilter.Builder filter) {
    return ids(ListContainerStatsRequest.newBuilder().setFilter(filter).build());
  }

  private List<String> statsOfAll() {
    return ids(ListContainerStatsRequest.getDefaultInstance());
  }

  private List<String> ids(ListContainerStatsRequest request) {
    return started.node().runtime().listContainerStats(request).getStatsList().stream()
        .map(stats -> stats.getAttributes().getId())
        .toList();
  }

  @Test
  void outputIsLogged() throws IOException {
    ContainerConfig container = Pods.shell("logged", started.image(), "echo hello; echo error >&2");
    assertThat(pods.runToEnd(pod, config, container))
        .isEqualTo(new Pods.Ended(0, "hello\n", "error\n"));
  }

  @Test
  void renamedLogIsOpenedAgain() throws IOException {
    String id =
        pods.launch(
            pod,
            config,
            Pods.shell("rotated", started.image(), "while true; do echo x; sleep 0.1; done"));
    Path log = Path.of(pods.status(id).getLogPath());
    Await.until("there is output", LIMIT, () -> Files.size(log) > 0);
    Files.move(log, log.resolveSibling("rotated.log.1"));
    var _ =
        started
            .node()
            .runtime()
            .reopenContainerLog(ReopenContainerLogRequest.newBuilder().setContainerId(id).build());
    assertThat(log).exists();
    Await.until("there is output again", LIMIT, () -> Files.size(log) > 0);
  }
}
