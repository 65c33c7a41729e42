package dev.berth.image;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.base.BerthException;
import dev.berth.base.Operation;
import dev.berth.image.registry.Credentials;
import dev.berth.image.testing.HostileRegistry;
import dev.berth.image.testing.TestImage;
import dev.berth.testing.Await;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** What of one image, or of two pulls of it, goes on at the same time. */
class ParallelPullTest extends HostileRegistryFixture {
  private static final Executor THREADS = work -> Thread.ofVirtual().start(work);

  /** Answers for a layer only when everything was asked for that is waited for. */
  private void hold(TestImage.Layer layer, CountDownLatch asked, CountDownLatch release) {
    registry.on(
        HostileRegistry.blobPath("app", layer.digest()),
        exchange -> {
          asked.countDown();
          if (await(release)) {
            HostileRegistry.sendRange(exchange, layer.blob());
          } else {
            HostileRegistry.send(exchange, 404, "nobody else came");
          }
        });
  }

  private static boolean await(CountDownLatch latch) {
    try {
      return latch.await(LIMIT.toSeconds(), TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void theLayersOfAnImageAreFetchedAtTheSameTime() {
    TestImage image = big();
    registry.serve("app", "v1", image);
    var both = new CountDownLatch(2);
    image.layers().forEach(layer -> hold(layer, both, both));
    assertThat(pull("app:v1").layers()).hasSize(2);
  }

  @Test
  void theDeadlineOfWhoStartedEndsNobodyElsesPull() {
    TestImage image = big();
    registry.serve("app", "v1", image);
    var asked = new CountDownLatch(1);
    var release = new CountDownLatch(1);
    TestImage.Layer layer = image.layers().getFirst();
    hold(layer, asked, release);
    Operation hurried = Operation.start("PullImage", Duration.ofSeconds(3), null);
    var first =
        CompletableFuture.supplyAsync(() -> pull("app:v1", Credentials.none(), hurried), THREADS);
    assertThat(await(asked)).isTrue();
    var second = CompletableFuture.supplyAsync(() -> pull("app:v1"), THREADS);
    Await.until("both share it", LIMIT, () -> images.pullsOfLayer(layer.diffId()) == 2);
    assertThatThrownBy(first::join)
        .isInstanceOf(CompletionException.class)
        .cause()
        .isInstanceOfSatisfying(
            BerthException.class,
            e -> assertThat(e.kind()).isEqualTo(BerthException.Kind.DEADLINE_EXCEEDED));
    assertThat(second).isNotDone();
    release.countDown();
    assertThat(second.join().repoTags()).containsExactly(registry.host() + "/app:v1");
    assertThat(registry.requestsFor(HostileRegistry.blobPath("app", layer.digest())))
        .as("the work went on where it was")
        .isEqualTo(1);
  }
}
