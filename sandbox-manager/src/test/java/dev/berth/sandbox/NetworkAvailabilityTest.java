package dev.berth.sandbox;

import static org.assertj.core.api.Assertions.assertThat;

import dev.berth.base.BerthException;
import dev.berth.base.BerthException.Kind;
import dev.berth.sandbox.cni.NetworkConfig;
import dev.berth.sandbox.cni.Networks;
import dev.berth.sandbox.cni.TestNetwork;
import dev.berth.testing.Await;
import dev.berth.testing.RequiresRoot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The answer to STATUS, by plugins that are slow to give it. */
@RequiresRoot
class NetworkAvailabilityTest {
  private static final Duration LIMIT = Duration.ofSeconds(20);

  @TempDir Path directory;
  private TestNetwork host;
  private List<NetworkConfig> configured;
  private Networks networks;

  @BeforeEach
  void configure() throws IOException {
    host = new TestNetwork(directory);
    Files.delete(host.confDir().resolve("10-test.conflist"));
    host.conf(
        "10-slow.conflist",
        """
        {"cniVersion": "1.1.0", "name": "slow", "plugins": [{"type": "slow"}]}
        """);
    networks = new Networks(host.confDir(), host.settings(Duration.ofSeconds(60)));
  }

  @AfterEach
  void remove() throws IOException {
    host.close();
  }

  @Test
  void aPluginThatHangsIsAReasonAndHoldsUpOnlyTheFirstWhoAsks() throws Exception {
    Path pid = directory.resolve("pid");
    host.plugin("slow", "echo $$ > " + pid + "; exec sleep 1000");
    configured = networks.find();
    try (var availability = new NetworkAvailability(networks::requireAvailable)) {
      NetworkStatus first = availability.of(configured);
      long asked = System.nanoTime();
      NetworkStatus second = availability.of(configured);

      assertThat(first)
          .isEqualTo(NetworkStatus.notReady("network slow: CNI STATUS does not answer within 2 s"))
          .isEqualTo(second);
      assertThat(Duration.ofNanos(System.nanoTime() - asked)).isLessThan(Duration.ofSeconds(1));
      assertThat(pid).exists();
    }
    long number = Long.parseLong(Files.readString(pid).strip());
    Await.until("the plugin is killed", LIMIT, () -> ProcessHandle.of(number).isEmpty());
  }

  @Test
  void anAnswerCountsForAWhileForThoseNetworksThatGaveIt() throws Exception {
    host.plugin("slow", "true");
    configured = networks.find();
    AtomicInteger asked = new AtomicInteger();
    try (var availability =
        new NetworkAvailability((network, operation) -> {
          asked.incrementAndGet();
          networks.requireAvailable(network, operation);
        })) {
      assertThat(availability.of(configured)).isEqualTo(NetworkStatus.READY);
      assertThat(availability.of(configured)).isEqualTo(NetworkStatus.READY);
      assertThat(asked).hasValue(1);

      host.plugin("slow", "echo '{\"code\": 50, \"msg\": \"no uplink\"}'; exit 1");
      host.conf(
          "10-slow.conflist",
          """
          {"cniVersion": "1.1.0", "name": "other", "plugins": [{"type": "slow"}]}
          """);
      NetworkStatus other = availability.of(networks.find());
      assertThat(other.isReady()).isFalse();
      assertThat(other.message()).endsWith("failed with code 50: no uplink");
    }
  }

  @Test
  void aLateAnswerIsTakenOver() throws Exception {
    host.plugin("slow", "true");
    configured = networks.find();
    CountDownLatch answer = new CountDownLatch(1);
    try (var availability = new NetworkAvailability((_, _) -> await(answer))) {
      assertThat(availability.of(configured).isReady()).isFalse();
      answer.countDown();
      Await.until(
          "the answer is served",
          LIMIT,
          () -> availability.of(configured).equals(NetworkStatus.READY));
    }
  }

  private static void await(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      throw new BerthException(Kind.CANCELLED, "interrupted", e);
    }
  }
}
