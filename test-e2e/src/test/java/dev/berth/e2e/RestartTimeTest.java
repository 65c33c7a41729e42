package dev.berth.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.berth.e2e.SteadyPods.SteadyPod;
import dev.berth.proto.cri.v1.ContainerState;
import dev.berth.proto.cri.v1.ListContainersRequest;
import dev.berth.proto.cri.v1.ListPodSandboxRequest;
import dev.berth.proto.cri.v1.PodSandboxState;
import dev.berth.testing.Await;
import dev.berth.testing.RequiresRoot;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** After each restart all of 100 pods are listed as running; the time this takes is printed. */
@RequiresRoot
@Tag("faults")
@Tag("long")
class RestartTimeTest {
  private static final int PODS = Integer.getInteger("berth.restart.pods", 100);
  private static final int ROUNDS = Integer.getInteger("berth.restart.rounds", 10);
  private static final Duration SOON = Duration.ofSeconds(20);

  private static final Pattern CHECKED = Pattern.compile("checked the networks of all sandboxes");

  @TempDir private Path directory;

  private int restarts;

  @Test
  void allPodsAreListedAfterEachRestart() throws Exception {
    try (PodNode started = PodNode.start(directory)) {
      List<SteadyPod> pods = SteadyPods.run(started.pods(), started.image(), PODS);
      List<Duration> alone = new ArrayList<>();
      List<Duration> withShim = new ArrayList<>();
      for (int round = 0; round < ROUNDS; round++) {
        started.node().kill();
        alone.add(restart(started.node(), pods));
        settle(started, pods);
        ProcessHandle shim = started.node().shim().orElseThrow();
        started.node().kill();
        shim.destroyForcibly();
        Await.until("the shim is gone", SOON, () -> !shim.isAlive());
        withShim.add(restart(started.node(), pods));
        settle(started, pods);
      }
      print("berthd killed", alone);
      print("berthd and the shim killed", withShim);
    }
  }

  /** Starts berthd and returns after how long its lists have all there is. */
  private static Duration restart(BerthNode node, List<SteadyPod> pods) throws IOException {
    long begin = System.nanoTime();
    node.start();
    List<String> ready =
        node
            .runtime()
            .listPodSandbox(ListPodSandboxRequest.getDefaultInstance())
            .getItemsList()
            .stream()
            .filter(pod -> pod.getState() == PodSandboxState.SANDBOX_READY)
            .map(pod -> pod.getId())
            .toList();
    List<String> running =
        node
            .runtime()
            .listContainers(ListContainersRequest.getDefaultInstance())
            .getContainersList()
            .stream()
            .filter(container -> container.getState() == ContainerState.CONTAINER_RUNNING)
            .map(container -> container.getId())
            .toList();
    Duration took = Duration.ofNanos(System.nanoTime() - begin);
    assertThat(ready).hasSameElementsAs(pods.stream().map(SteadyPod::podId).toList());
    assertThat(running).hasSameElementsAs(pods.stream().map(SteadyPod::containerId).toList());
    return took;
  }

  /** Waits until each container has its shim again and nothing is done behind the scenes. */
  private void settle(PodNode started, List<SteadyPod> pods) throws IOException {
    pods.forEach(pod ->
        assertThat(started.pods().exec(pod.containerId(), 10, "true").getExitCode()).isZero());
    int checked = ++restarts;
    Await.until(
        "the networks are checked",
        Duration.ofSeconds(60),
        () -> CHECKED.matcher(started.node().berthdLog()).results().count() > checked);
  }

  private static void print(String what, List<Duration> times) {
    System.out.printf(
        "restart with %d pods, %s: %s%n",
        PODS, what, FaultReport.spread(times.stream().sorted().toList()));
  }
}
