package dev.berth.shim;

import static java.lang.System.Logger.Level.DEBUG;
import static java.lang.System.Logger.Level.WARNING;

import com.google.protobuf.Any;
import com.google.protobuf.Empty;
import com.google.protobuf.MessageLite;
import dev.berth.base.BerthException;
import dev.berth.proto.shim.events.ttrpc.v1.ForwardRequest;
import dev.berth.proto.shim.types.Envelope;
import dev.berth.shim.ttrpc.Metadata;
import dev.berth.shim.ttrpc.TtrpcClient;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import org.jspecify.annotations.Nullable;

/**
 * Sends events to the runtime, one after the other and so in order.
 *
 * <p>One that the runtime does not take is repeated for some seconds and then given up: a runtime
 * that comes back asks for the state of its tasks anyway. Thread-safe.
 */
final class EventPublisher implements AutoCloseable {
  private static final System.Logger LOG = System.getLogger(EventPublisher.class.getName());
  private static final Duration TIMEOUT = Duration.ofSeconds(5);
  private static final int RETRIES = 5;

  /** Some minutes of a busy node whose runtime is away. */
  private static final int MAX_WAITING = 10_000;

  private final @Nullable Path socket;
  private final String namespace;
  private final BlockingQueue<Envelope> waiting = new LinkedBlockingQueue<>(MAX_WAITING);
  private final Thread sender = Thread.ofVirtual().name("shim-events").unstarted(this::send);
  private @Nullable TtrpcClient client; // touched by the sender only

  private EventPublisher(@Nullable Path socket, String namespace) {
    this.socket = socket;
    this.namespace = namespace;
  }

  /**
   * Starts the sender.
   *
   * @param socket of the runtime, TTRPC_ADDRESS; null when nobody wants events
   */
  static EventPublisher start(@Nullable Path socket, String namespace) {
    var publisher = new EventPublisher(socket, namespace);
    publisher.sender.start();
    return publisher;
  }

  /** Hands over an event and returns at once. */
  void publish(String topic, MessageLite event) {
    if (socket == null) {
      return;
    }
    Instant now = Instant.now();
    Envelope envelope =
        Envelope.newBuilder()
            .setTimestamp(Timestamps.of(now))
            .setNamespace(namespace)
            .setTopic(topic)
            .setEvent(
                Any.newBuilder()
                    .setTypeUrl("containerd.events." + event.getClass().getSimpleName())
                    .setValue(event.toByteString()))
            .build();
    if (!waiting.offer(envelope)) {
      LOG.log(WARNING, "dropped event " + topic + ": " + MAX_WAITING + " are waiting");
    }
  }

  private void send() {
    try {
      while (true) {
        Envelope next = waiting.take();
        send(next);
      }
    } catch (InterruptedException e) {
      // closed
    } finally {
      disconnect();
    }
  }

  private void send(Envelope envelope) throws InterruptedException {
    for (int attempt = 0; attempt <= RETRIES; attempt++) {
      try {
        forward(envelope);
        return;
      } catch (BerthException e) {
        if (Thread.interrupted()) {
          throw new InterruptedException();
        }
        LOG.log(DEBUG, () -> "event " + envelope.getTopic() + " was not taken: " + e.getMessage());
        disconnect();
        Thread.sleep(Duration.ofMillis(100L << attempt));
      }
    }
    LOG.log(WARNING, "gave up event " + envelope.getTopic() + " after " + RETRIES + " retries");
  }

  private void forward(Envelope envelope) {
    if (client == null && socket != null) {
      client = TtrpcClient.connect(socket, TIMEOUT);
    }
    if (client != null) {
      client.call(
          "containerd.services.events.ttrpc.v1.Events",
          "Forward",
          ForwardRequest.newBuilder().setEnvelope(envelope).build(),
          Empty.parser(),
          Metadata.NONE.with(Metadata.NAMESPACE, namespace),
          TIMEOUT);
    }
  }

  private void disconnect() {
    if (client != null) {
      client.close();
      client = null;
    }
  }

  /** Waits a moment for what is to be sent, then ends the sender. Idempotent. */
  @Override
  public void close() {
    long deadline = System.nanoTime() + Duration.ofSeconds(2).toNanos();
    try {
      while (!waiting.isEmpty() && sender.isAlive() && System.nanoTime() < deadline) {
        Thread.sleep(Duration.ofMillis(5));
      }
      sender.interrupt();
      sender.join(Duration.ofSeconds(1));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
