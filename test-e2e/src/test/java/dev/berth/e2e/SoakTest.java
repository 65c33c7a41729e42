package dev.berth.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.berth.e2e.SteadyPods.SteadyPod;
import dev.berth.testing.RequiresRoot;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A full node for half an hour: every pod is probed all the time, one container after the other is
 * restarted. Neither the memory of both JVMs nor their descriptors grow.
 */
@RequiresRoot
@Tag("faults")
@Tag("long")
class SoakTest {
  private static final int PODS = Integer.getInteger("berth.soak.pods", 110);
  private static final Duration TIME = Duration.ofMinutes(Long.getLong("berth.soak.minutes", 30));
  private static final int SAMPLES = 60;
  private static final int PROBE_SECONDS = 20;

  /** Between the means of the last two thirds, in the first of which heaps find their size. */
  private static final double TOLERATED_KIB = 4 << 10;

  private static final double TOLERATED_DESCRIPTORS = 8;

  @TempDir private Path directory;

  @Test
  void probesAndRestartsLeaveNothing() throws Exception {
    try (PodNode started = PodNode.start(directory)) {
      List<SteadyPod> pods = new ArrayList<>(SteadyPods.run(started.pods(), started.image(), PODS));
      List<Resources> berthd = new ArrayList<>();
      List<Resources> shim = new ArrayList<>();
      long begin = System.nanoTime();
      int turns = 0;
      while (berthd.size() < SAMPLES) {
        probe(started.pods(), pods);
        restart(started, pods, turns);
        turns++;
        if (System.nanoTime() - begin >= TIME.toNanos() * (berthd.size() + 1L) / SAMPLES) {
          berthd.add(Resources.of(started.node().berthdPid()));
          shim.add(Resources.of(shim(started.node())));
        }
      }
      System.out.printf(
          "soak: %d pods, %s, %d probes, %d restarts%n", PODS, TIME, turns * PODS, turns);
      assertFlat("berthd", berthd);
      assertFlat("shim", shim);
    }
  }

  private static long shim(BerthNode node) throws IOException {
    return node.shim().orElseThrow().pid();
  }

  private static void probe(Pods pods, List<SteadyPod> all) throws Exception {
    List<Callable<Integer>> probes = new ArrayList<>();
    for (SteadyPod pod : all) {
      probes.add(() -> pods.exec(pod.containerId(), PROBE_SECONDS, "true").getExitCode());
    }
    assertThat(SteadyPods.together(probes)).containsOnly(0);
    assertThat(pods.list()).hasSameSizeAs(all);
  }

  private static void restart(PodNode node, List<SteadyPod> pods, int turn) {
    int which = turn % pods.size();
    SteadyPod pod = pods.get(which);
    node.pods().stopContainer(pod.containerId(), PROBE_SECONDS);
    node.pods().removeContainer(pod.containerId());
    String next = SteadyPods.launch(node.pods(), pod.podId(), pod.config(), node.image(), turn + 1);
    pods.set(which, new SteadyPod(pod.config(), pod.podId(), next));
  }

  private static void assertFlat(String process, List<Resources> samples) {
    List<Resources> middle = samples.subList(SAMPLES / 3, SAMPLES * 2 / 3);
    List<Resources> last = samples.subList(SAMPLES * 2 / 3, SAMPLES);
    double memory = memory(last) - memory(middle);
    double descriptors = descriptors(last) - descriptors(middle);
    double minutes = TIME.toSeconds() / 180.0; // from the middle of one third to that of the next
    System.out.printf(
        "%s: %s at first, %s at last; %+.1f KiB/min, %+.2f descriptors/min%n",
        process, samples.getFirst(), samples.getLast(), memory / minutes, descriptors / minutes);
    assertThat(memory).as("KiB that %s grew by", process).isLessThan(TOLERATED_KIB);
    assertThat(descriptors).as("descriptors of %s", process).isLessThan(TOLERATED_DESCRIPTORS);
  }

  private static double memory(List<Resources> samples) {
    return samples.stream().mapToLong(Resources::memoryKib).average().orElseThrow();
  }

  private static double descriptors(List<Resources> samples) {
    return samples.stream().mapToLong(Resources::descriptors).average().orElseThrow();
  }
}
