package dev.berth.e2e;

import static dev.berth.proto.cri.v1.ContainerEventType.CONTAINER_CREATED_EVENT;
import static dev.berth.proto.cri.v1.ContainerEventType.CONTAINER_DELETED_EVENT;
import static dev.berth.proto.cri.v1.ContainerEventType.CONTAINER_STARTED_EVENT;
import static dev.berth.proto.cri.v1.ContainerEventType.CONTAINER_STOPPED_EVENT;
import static org.assertj.core.api.Assertions.assertThat;

import dev.berth.proto.cri.v1.ContainerEventResponse;
import dev.berth.proto.cri.v1.ContainerEventType;
import dev.berth.proto.cri.v1.ContainerState;
import dev.berth.proto.cri.v1.GetEventsRequest;
import dev.berth.proto.cri.v1.PodSandboxConfig;
import dev.berth.proto.cri.v1.PodSandboxState;
import dev.berth.testing.Await;
import dev.berth.testing.RequiresRoot;
import io.grpc.Context;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** Whoever listens is told of everything that happens to a pod, with the whole pod. */
@RequiresRoot
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class EventsTest {
  private static final Duration LIMIT = Duration.ofSeconds(20);

  @TempDir private static Path directory;
  private final List<ContainerEventResponse> events = new CopyOnWriteArrayList<>();
  private PodNode running;
  private BerthNode node;
  private Pods pods;
  private String image;

  @BeforeAll
  void start() throws Exception {
    running = PodNode.start(directory);
    node = running.node();
    pods = running.pods();
    image = running.image();
  }

  @AfterAll
  void stop() throws IOException {
    running.close();
  }

  @Test
  void wholeLifeOfAPodIsToldInOrder() throws Exception {
    Context.CancellableContext context = Context.current().withCancellation();
    CompletableFuture<Status.Code> listening = CompletableFuture.supplyAsync(() -> listen(context));
    PodSandboxConfig config = pods.config("events");
    String pod = runUntilHeard(config);

    String id = pods.launch(pod, config, Pods.shell("main", image, "exit 3"));
    var _ = pods.awaitExit(id);
    pods.removeContainer(id);
    pods.remove(pod);
    Await.until(
        "the pod's end is told", LIMIT, () -> find(pod, CONTAINER_DELETED_EVENT).isPresent());

    assertThat(events.stream().filter(event -> event.getContainerId().equals(id)))
        .extracting(ContainerEventResponse::getContainerEventType)
        .containsExactly(
            CONTAINER_CREATED_EVENT,
            CONTAINER_STARTED_EVENT,
            CONTAINER_STOPPED_EVENT,
            CONTAINER_DELETED_EVENT);
    ContainerEventResponse end = find(id, CONTAINER_STOPPED_EVENT).orElseThrow();
    assertThat(end.getPodSandboxStatus().getId()).isEqualTo(pod);
    assertThat(end.getContainersStatuses(0).getState()).isEqualTo(ContainerState.CONTAINER_EXITED);
    assertThat(end.getContainersStatuses(0).getExitCode()).isEqualTo(3);
    assertThat(find(pod, CONTAINER_STOPPED_EVENT).orElseThrow().getPodSandboxStatus().getState())
        .isEqualTo(PodSandboxState.SANDBOX_NOTREADY);

    context.cancel(null);
    assertThat(listening.get(LIMIT.toSeconds(), TimeUnit.SECONDS)).isEqualTo(Status.Code.CANCELLED);
  }

  private Status.Code listen(Context context) {
    try {
      context.run(() ->
          node.runtime()
              .getContainerEvents(GetEventsRequest.getDefaultInstance())
              .forEachRemaining(events::add));
      return Status.Code.OK;
    } catch (StatusRuntimeException e) {
      return e.getStatus().getCode();
    }
  }

  /** What happens before the server has the listener is not told: so again until it is. */
  private String runUntilHeard(PodSandboxConfig config) throws Exception {
    while (true) {
      String pod = pods.run(config);
      if (Await.within(
          Duration.ofSeconds(1), () -> find(pod, CONTAINER_STARTED_EVENT).isPresent())) {
        return pod;
      }
      pods.remove(pod);
    }
  }

  private Optional<ContainerEventResponse> find(String id, ContainerEventType type) {
    return events.stream()
        .filter(e -> e.getContainerId().equals(id) && e.getContainerEventType() == type)
        .findFirst();
  }
}
