package dev.berth.e2e;

import dev.berth.e2e.FaultLedger.Promise;
import dev.berth.testing.Await;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * What goes on at a node: half of its pods live as long as the run does and are asked for commands,
 * the other half come and go; one caller pulls and removes an image.
 */
final class FaultWorkload {
  private static final int SECONDS_TO_BEGIN = 120;
  private static final Duration BETWEEN_PULLS = Duration.ofMillis(300);
  private static final int FOREVER = 1_000_000;

  private final FaultyNode node;
  private final FaultLedger ledger;
  private final long seed;
  private final int pods;
  private final AtomicBoolean ending = new AtomicBoolean();
  private final AtomicInteger begun = new AtomicInteger();
  private final ExecutorService actors =
      Executors.newThreadPerTaskExecutor(Thread.ofVirtual().name("actor-", 0).factory());
  private final List<Future<?>> running = new ArrayList<>();

  FaultWorkload(FaultyNode node, FaultLedger ledger, long seed, int pods) {
    this.node = node;
    this.ledger = ledger;
    this.seed = seed;
    this.pods = pods;
  }

  /** Begins, and returns once all pods are there. */
  void begin() {
    for (int slot = 0; slot < pods; slot++) {
      String name = "pod-" + seed + "-" + slot;
      Random random = new Random(seed * 1_000 + slot);
      boolean steady = slot % 2 == 0;
      act(
          name,
          () -> {
            if (steady) {
              liveSteadily(name, random);
            } else {
              comeAndGo(name, random);
            }
          });
    }
    act("puller", this::pull);
    Await.until(
        "all pods run",
        Duration.ofSeconds(SECONDS_TO_BEGIN),
        () -> begun.get() >= pods || !ledger.breaches().isEmpty());
  }

  /** The outermost frame of an actor: whatever ends it is a promise broken. */
  private void act(String name, Runnable life) {
    running.add(
        actors.submit(() -> {
          try {
            life.run();
          } catch (RuntimeException e) {
            ledger.broken(Promise.NOTHING_STUCK, name + ": " + e);
          }
        }));
  }

  private void liveSteadily(String name, Random random) {
    var writer = new NumberedWriter(FOREVER, 1 + random.nextInt(400), "0.3", code(random));
    var pod = new PersistentPod(node, ledger, name, random.nextInt(4) == 0);
    pod.up();
    pod.launch(writer);
    ledger.containerRuns(pod.containerId());
    begun.incrementAndGet();
    for (int turn = 0; !ending.get(); turn++) {
      pod.exec(name + "-" + turn, code(random));
      if (random.nextInt(5) == 0) {
        pod.rotate();
      }
      Pauses.of(Duration.ofMillis(random.nextInt(100, 1_000)));
    }
    ledger.containerMayEnd(pod.containerId());
    pod.stopContainer();
    pod.checkEnd(writer);
    pod.remove();
  }

  private void comeAndGo(String name, Random random) {
    for (int turn = 0; turn == 0 || !ending.get(); turn++) {
      var writer =
          new NumberedWriter(1 + random.nextInt(8), 1 + random.nextInt(1_500), "0.2", code(random));
      var pod = new PersistentPod(node, ledger, name + "-" + turn, random.nextInt(4) == 0);
      pod.up();
      pod.launch(writer);
      if (turn == 0) {
        begun.incrementAndGet();
      }
      if (random.nextInt(3) == 0) {
        pod.stopContainer();
      }
      pod.checkEnd(writer);
      pod.remove();
    }
  }

  /** No code that anything else gives: not 0, not what a shell or a signal makes. */
  private static int code(Random random) {
    return 1 + random.nextInt(120);
  }

  private void pull() {
    var persistence = new Persistence(ledger);
    while (!ending.get()) {
      persistence.insist("PullImage", () -> node.pods().pull(node.pulled()));
      ledger.count("images pulled");
      persistence.insist("RemoveImage", () -> node.pods().removeImage(node.pulled()));
      Pauses.of(BETWEEN_PULLS);
    }
  }

  /** Lets everything come to its end, which is checked, and removes it. */
  void end() throws Exception {
    ending.set(true);
    for (Future<?> actor : running) {
      actor.get();
    }
    actors.close();
  }
}
