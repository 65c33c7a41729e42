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
import java.time.Instant;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/**
 * Several pulls at once share work but neither credentials nor failures, and one that nobody waits
 * for ends.
 */
class SharedPullTest extends HostileRegistryFixture {
  private static final Executor THREADS = work -> Thread.ofVirtual().start(work);

  private void hold(TestImage.Layer layer, CountDownLatch started, CountDownLatch release) {
    registry.on(
        HostileRegistry.blobPath("app", layer.digest()),
        exchange -> {
          started.countDown();
          await(release);
          HostileRegistry.sendRange(exchange, layer.blob());
        });
  }

  private static void await(CountDownLatch latch) {
    try {
      assertThat(latch.await(LIMIT.toSeconds(), TimeUnit.SECONDS)).isTrue();
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void pullsAtTheSameTimeShareLayersButNotAuthorisation() {
    TestImage image = big();
    registry.serve("app", "v1", image);
    demandPassword("/v2/app/manifests/v1", image.manifest());
    var started = new CountDownLatch(1);
    var release = new CountDownLatch(1);
    TestImage.Layer layer = image.layers().getFirst();
    hold(layer, started, release);
    Credentials good = Credentials.basic("berth", "secret");
    Operation first = Operation.internal("PullImage");
    var firstPull = CompletableFuture.supplyAsync(() -> pull("app:v1", good, first), THREADS);
    await(started);
    var second =
        CompletableFuture.supplyAsync(
            () -> pull("app:v1", good, Operation.internal("PullImage")), THREADS);
    assertThatThrownBy(() -> pull("app:v1"))
        .as("no credentials, no share")
        .hasMessageContaining("not authorized");
    Await.until("both wait", LIMIT, () -> images.pulls().size() == 2);
    Await.until(
        "the second is at its layers",
        LIMIT,
        () -> images.pulls().stream().allMatch(p -> p.stage().equals("fetch_layers")));
    assertThat(images.pulls().getFirst().layers()).hasSize(2);
    // The chain id of the lowest layer is its diff id.
    Await.until("both share it", LIMIT, () -> images.pullsOfLayer(layer.diffId()) == 2);
    first.cancel();
    assertThatThrownBy(firstPull::join).hasMessageContaining("cancelled by the caller");
    release.countDown();
    assertThat(second.join().repoTags()).containsExactly(registry.host() + "/app:v1");
    assertThat(registry.requestsFor(HostileRegistry.blobPath("app", layer.digest()))).isEqualTo(1);
    assertThat(images.pulls()).isEmpty();
  }

  @Test
  void whenTheStarterOfAFlightIsRefusedTheOthersTryThemselves() {
    TestImage image = big();
    registry.serve("app", "v1", image);
    TestImage.Layer layer = image.layers().getFirst();
    var started = new CountDownLatch(1);
    var release = new CountDownLatch(1);
    registry.on(
        HostileRegistry.blobPath("app", layer.digest()),
        exchange -> {
          started.countDown();
          await(release);
          if (exchange.getRequestHeaders().getFirst("Authorization") == null) {
            exchange.getResponseHeaders().set("WWW-Authenticate", "Basic realm=\"test\"");
            HostileRegistry.send(exchange, 401, "no");
          } else {
            HostileRegistry.sendRange(exchange, layer.blob());
          }
        });
    var refused = CompletableFuture.supplyAsync(() -> pull("app:v1"), THREADS);
    await(started);
    var welcome =
        CompletableFuture.supplyAsync(
            () ->
                pull(
                    "app:v1",
                    Credentials.basic("berth", "secret"),
                    Operation.internal("PullImage")),
            THREADS);
    Await.until(
        "both are at their layers",
        LIMIT,
        () -> images.pulls().stream().filter(p -> p.stage().equals("fetch_layers")).count() == 2);
    release.countDown();
    assertThatThrownBy(refused::join).hasMessageContaining("not authorized");
    assertThat(welcome.join().repoTags()).hasSize(1);
  }

  @Test
  void aCancelledPullLeavesNothingAndFreesItsThreads() {
    TestImage image = big();
    registry.serve("app", "v1", image);
    var started = new CountDownLatch(1);
    var release = new CountDownLatch(1);
    hold(image.layers().getFirst(), started, release);
    Operation operation = Operation.internal("PullImage");
    var pull =
        CompletableFuture.supplyAsync(() -> pull("app:v1", Credentials.none(), operation), THREADS);
    await(started);
    operation.cancel();
    assertThatThrownBy(pull::join).hasMessageContaining("cancelled by the caller");
    assertNothingLeftBut();
    Await.until(
        "no layer thread is left",
        LIMIT,
        () ->
            Thread.getAllStackTraces().keySet().stream()
                .noneMatch(thread -> thread.getName().startsWith("layer-")));
    release.countDown();
  }

  @Test
  void aFrozenRegistryCostsOnlyTheCallersTime() {
    var release = new CountDownLatch(1);
    registry.on("/v2/app/manifests/v1", exchange -> await(release));
    Instant start = Instant.now();
    assertThatThrownBy(() ->
            pull(
                "app:v1",
                Credentials.none(),
                Operation.start("PullImage", Duration.ofMillis(300), null)))
        .isInstanceOfSatisfying(
            BerthException.class,
            e -> assertThat(e.kind()).isEqualTo(BerthException.Kind.DEADLINE_EXCEEDED));
    assertThat(Duration.between(start, Instant.now())).isLessThan(Duration.ofSeconds(5));
    release.countDown();
  }
}
