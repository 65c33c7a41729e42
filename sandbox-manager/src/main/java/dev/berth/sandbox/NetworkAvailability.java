package dev.berth.sandbox;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.berth.base.BerthException;
import dev.berth.base.Operation;
import dev.berth.sandbox.cni.NetworkConfig;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.BiConsumer;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Whether the plugins of networks say that pods can be attached.
 *
 * <p>The kubelet asks for the node's status every few seconds and takes a node for lost that does
 * not answer. So plugins are asked in the background, once for all callers, an answer counts for a
 * while, and plugins that do not answer are a reason why the network is not ready. Thread-safe.
 */
final class NetworkAvailability implements AutoCloseable {
  /** How long an answer counts. */
  private static final Duration LIFETIME = Duration.ofSeconds(5);

  /** How long callers wait for an answer, from when the plugins were asked. */
  private static final Duration PATIENCE = Duration.ofSeconds(2);

  /** How long plugins may take: then they are killed, and asked again. */
  private static final Duration LIMIT = Duration.ofSeconds(30);

  private final BiConsumer<NetworkConfig, Operation> requireAvailable;

  @GuardedBy("this") private @Nullable Inquiry last;

  /**
   * @param requireAvailable asks the plugins of one network; throws what they say
   */
  NetworkAvailability(BiConsumer<NetworkConfig, Operation> requireAvailable) {
    this.requireAvailable = requireAvailable;
  }

  /** Plugins that are asked, or have answered; times are those of System.nanoTime. */
  private static final class Inquiry {
    final List<NetworkConfig> networks;
    final Operation operation = Operation.start("CNI STATUS", LIMIT, null);
    final CompletableFuture<NetworkStatus> answer = new CompletableFuture<>();
    final long askedAt = System.nanoTime();
    volatile long answeredAt;

    Inquiry(List<NetworkConfig> networks) {
      this.networks = networks;
    }

    boolean counts() {
      return !answer.isDone() || System.nanoTime() - answeredAt < LIFETIME.toNanos();
    }

    void finish(NetworkStatus status) {
      answeredAt = System.nanoTime();
      answer.complete(status);
    }
  }

  /**
   * Returns what the plugins say, in {@link #PATIENCE} at most.
   *
   * @param networks those that are configured
   */
  NetworkStatus of(List<NetworkConfig> networks) {
    Inquiry inquiry = inquiry(networks);
    try {
      long left = PATIENCE.toNanos() - (System.nanoTime() - inquiry.askedAt);
      return inquiry.answer.get(Math.max(0, left), TimeUnit.NANOSECONDS);
    } catch (TimeoutException e) {
      return NetworkStatus.notReady(
          networks.stream()
                  .map(NetworkConfig::name)
                  .collect(Collectors.joining(", ", "network ", ""))
              + ": CNI STATUS does not answer within "
              + PATIENCE.toSeconds()
              + " s");
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new BerthException(
          BerthException.Kind.CANCELLED, "interrupted while waiting for CNI STATUS", e);
    } catch (ExecutionException e) {
      throw new IllegalStateException("an answer is given or is not", e);
    }
  }

  private synchronized Inquiry inquiry(List<NetworkConfig> networks) {
    Inquiry known = last;
    if (known != null && known.networks.equals(networks) && known.counts()) {
      return known;
    }
    if (known != null) {
      known.operation.cancel(); // of networks that are configured no more
    }
    Inquiry next = new Inquiry(networks);
    last = next;
    Thread.ofVirtual().name("cni-status").start(() -> next.finish(ask(next)));
    return next;
  }

  private NetworkStatus ask(Inquiry inquiry) {
    try {
      inquiry.networks.forEach(network -> requireAvailable.accept(network, inquiry.operation));
      return NetworkStatus.READY;
    } catch (BerthException e) {
      return NetworkStatus.notReady(String.valueOf(e.getMessage()));
    } catch (RuntimeException e) { // outermost of its thread
      return NetworkStatus.notReady("CNI STATUS: " + e);
    }
  }

  /** Has plugins that are being asked killed. Idempotent. */
  @Override
  public synchronized void close() {
    if (last != null) {
      last.operation.cancel();
    }
  }
}
