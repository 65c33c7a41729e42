package dev.berth.base;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.testing.Await;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class SingleFlightTest {
  private static final Duration LIMIT = Duration.ofSeconds(10);

  private final SingleFlight<String, String> flights = new SingleFlight<>();
  private final java.util.concurrent.ExecutorService threads =
      Executors.newVirtualThreadPerTaskExecutor();
  private final AtomicInteger runs = new AtomicInteger();
  private final AtomicInteger atOnce = new AtomicInteger();
  private final CountDownLatch release = new CountDownLatch(1);

  @AfterEach
  void end() {
    release.countDown();
    threads.close();
  }

  private <T> CompletableFuture<T> async(Supplier<T> call) {
    return CompletableFuture.supplyAsync(call, threads);
  }

  private String slowWork(Operation flight) throws InterruptedException {
    assertThat(atOnce.incrementAndGet()).isEqualTo(1);
    int run = runs.incrementAndGet();
    try {
      while (release.getCount() > 0) {
        flight.check();
        release.await(1, java.util.concurrent.TimeUnit.MILLISECONDS);
      }
      return "result of run " + run;
    } finally {
      atOnce.decrementAndGet();
    }
  }

  private void awaitRuns(int expected) {
    Await.until("run " + expected + " started", LIMIT, () -> runs.get() == expected);
  }

  @Test
  void callersOfOneKeyShareOneRun() {
    var first = async(() -> flights.join("k", Operation.internal("a"), this::slowWork));
    awaitRuns(1);
    var second = async(() -> flights.join("k", Operation.internal("b"), this::slowWork));
    var other = flights.join("other", Operation.internal("c"), _ -> "other");
    release.countDown();
    assertThat(first.join()).isEqualTo("result of run 1");
    assertThat(second.join()).startsWith("result of run ");
    assertThat(other).isEqualTo("other");
  }

  @Test
  void theFirstCallersCancellationDoesNotDisturbTheOthers() {
    Operation cancelled = Operation.internal("Pull");
    var first = async(() -> flights.join("k", cancelled, this::slowWork));
    awaitRuns(1);
    var second = async(() -> flights.join("k", Operation.internal("Pull"), _ -> "second run"));
    Await.until("the second caller waits", LIMIT, () -> waiting("k") == 2);
    cancelled.cancel();
    assertThatThrownBy(first::join)
        .hasRootCauseInstanceOf(BerthException.class)
        .hasMessageContaining("cancelled by the caller");
    release.countDown();
    assertThat(second.join()).isEqualTo("result of run 1");
  }

  private int waiting(String key) {
    return flights.callers(key);
  }

  @Test
  void aCallersDeadlineEndsOnlyItsOwnCall() {
    var patient = async(() -> flights.join("k", Operation.internal("Pull"), this::slowWork));
    awaitRuns(1);
    Operation hasty = Operation.start("Pull", Duration.ofMillis(20), null);
    assertThatThrownBy(() -> flights.join("k", hasty, this::slowWork))
        .isInstanceOfSatisfying(
            BerthException.class,
            e -> assertThat(e.kind()).isEqualTo(BerthException.Kind.DEADLINE_EXCEEDED));
    release.countDown();
    assertThat(patient.join()).isEqualTo("result of run 1");
  }

  @Test
  void theWorkIsCancelledWhenNoCallerIsLeftAndNeverRunsTwiceAtOnce() {
    Operation only = Operation.internal("Pull");
    var cleaned = new CountDownLatch(1);
    var first =
        async(() ->
            flights.join(
                "k",
                only,
                flight -> {
                  try {
                    return slowWork(flight);
                  } finally {
                    cleaned.await(); // still cleaning up when the next caller comes
                  }
                }));
    awaitRuns(1);
    only.cancel();
    assertThatThrownBy(first::join).hasMessageContaining("cancelled");
    var next = async(() -> flights.join("k", Operation.internal("Pull"), this::slowWork));
    Await.until("the next caller waits", LIMIT, () -> waiting("k") == 1);
    assertThat(runs).hasValue(1);
    cleaned.countDown();
    awaitRuns(2);
    release.countDown();
    assertThat(next.join()).isEqualTo("result of run 2");
  }

  @Test
  void everyCallerGetsTheFailureWithItsKind() {
    var first =
        async(() ->
            flights.join(
                "k",
                Operation.internal("Pull"),
                flight -> {
                  slowWork(flight);
                  throw new BerthException(BerthException.Kind.NOT_FOUND, "no such blob");
                }));
    awaitRuns(1);
    var second = async(() -> flights.join("k", Operation.internal("Pull"), _ -> "unused"));
    Await.until("both wait", LIMIT, () -> waiting("k") == 2);
    release.countDown();
    for (var caller : java.util.List.of(first, second)) {
      assertThatThrownBy(caller::join)
          .cause()
          .isInstanceOfSatisfying(
              BerthException.class,
              e -> {
                assertThat(e.kind()).isEqualTo(BerthException.Kind.NOT_FOUND);
                assertThat(e).hasMessage("no such blob");
              });
    }
    assertThat(flights.join("k", Operation.internal("Pull"), _ -> "again")).isEqualTo("again");
  }

  @Test
  void aBugInTheWorkBecomesAnInternalError() {
    assertThatThrownBy(() ->
            flights.join(
                "k",
                Operation.internal("Pull"),
                _ -> {
                  throw new IllegalStateException("oops");
                }))
        .hasMessage("Pull: java.lang.IllegalStateException: oops");
  }
}
