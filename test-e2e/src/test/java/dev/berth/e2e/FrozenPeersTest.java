package dev.berth.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.e2e.SteadyPods.SteadyPod;
import dev.berth.proto.cri.v1.PodSandboxConfig;
import dev.berth.proto.cri.v1.StopContainerRequest;
import dev.berth.testing.RequiresRoot;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A fifth of all pods' stubs and a plugin stand still: the others and all lists do not notice. */
@RequiresRoot
@Tag("faults")
class FrozenPeersTest {
  private static final int PODS = Integer.getInteger("berth.faults.pods", 10);
  private static final int ROUNDS = Integer.getInteger("berth.faults.rounds", 20);
  private static final int WARM_UP = 10;
  private static final int CALL_SECONDS = 10;
  private static final long TOLERATED_KIB = 4 << 10;

  @TempDir private Path directory;

  @Test
  void othersDoNotNoticeFrozenPeers() throws Exception {
    try (FaultyNode node = new FaultyNode(directory)) {
      List<SteadyPod> all = SteadyPods.run(node.pods(), node.image(), PODS);
      List<SteadyPod> frozen = all.subList(0, PODS / 5);
      List<SteadyPod> others = all.subList(PODS / 5, PODS);
      List<Long> stubs = stubsOf(node, frozen);
      work(node, others, WARM_UP);

      stubs.forEach(stub -> Signal.send("STOP", stub));
      node.trapPlugin("kill -STOP $$");
      try (ExecutorService waiting = Executors.newVirtualThreadPerTaskExecutor()) {
        Future<?> pod = waiting.submit(() -> assertFrozenPluginIsGivenUp(node));
        List<Future<?>> stops = new ArrayList<>();
        frozen.forEach(peer -> stops.add(waiting.submit(() -> assertStopIsGivenUp(node, peer))));
        work(node, others, WARM_UP); // what waits for the frozen ones has its memory now
        Resources before = Resources.of(node.berth().berthdPid());
        work(node, others, ROUNDS);
        Resources after = Resources.of(node.berth().berthdPid());
        System.out.printf(
            "%d of %d frozen: berthd %s, then %s%n", frozen.size(), PODS, before, after);
        assertThat(after.memoryKib() - before.memoryKib()).isLessThan(TOLERATED_KIB);
        pod.get();
        for (Future<?> stop : stops) {
          stop.get();
        }
      } finally {
        stubs.forEach(stub -> Signal.send("CONT", stub));
      }
      for (SteadyPod peer : frozen) {
        node.pods().stopContainer(peer.containerId(), CALL_SECONDS);
        assertThat(node.pods().status(peer.containerId()).getExitCode()).isZero();
      }
    }
  }

  private static List<Long> stubsOf(FaultyNode node, List<SteadyPod> pods) {
    Set<Optional<String>> containers =
        pods.stream().map(pod -> Optional.of(pod.containerId())).collect(Collectors.toSet());
    List<Long> stubs =
        StubProcess.of(node.berth()).stream()
            .filter(stub -> containers.contains(stub.containerId()))
            .map(StubProcess::pid)
            .toList();
    assertThat(stubs).hasSameSizeAs(pods);
    return stubs;
  }

  /** What a kubelet does all the time; every call has a deadline. */
  private static void work(FaultyNode node, List<SteadyPod> pods, int rounds) {
    for (int round = 0; round < rounds; round++) {
      assertThat(node.pods().list()).hasSizeGreaterThanOrEqualTo(PODS);
      SteadyPod pod = pods.get(round % pods.size());
      assertThat(node.pods().containersOf(pod.podId())).containsExactly(pod.containerId());
      var answer = node.pods().exec(pod.containerId(), CALL_SECONDS, "echo", "round-" + round);
      assertThat(answer.getStdout().toStringUtf8()).isEqualTo("round-" + round + "\n");
    }
  }

  private static void assertFrozenPluginIsGivenUp(FaultyNode node) {
    PodSandboxConfig config = node.pods().config("frozen-plugin");
    assertRefused(() -> node.pods().run(config));
  }

  private static void assertStopIsGivenUp(FaultyNode node, SteadyPod peer) {
    var request =
        StopContainerRequest.newBuilder().setContainerId(peer.containerId()).setTimeout(1).build();
    assertRefused(
        () -> node.berth().runtime().withDeadlineAfter(2, TimeUnit.SECONDS).stopContainer(request));
  }

  private static void assertRefused(org.assertj.core.api.ThrowableAssert.ThrowingCallable call) {
    assertThatThrownBy(call)
        .isInstanceOfSatisfying(
            StatusRuntimeException.class,
            e -> assertThat(e.getStatus().getCode()).isEqualTo(Status.Code.DEADLINE_EXCEEDED));
  }
}
