package dev.berth.cri.streaming;

import static dev.berth.base.BerthException.Kind.UNAVAILABLE;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.berth.base.BerthException;
import dev.berth.cri.config.StreamSettings;
import dev.berth.sandbox.Streams;
import org.jspecify.annotations.Nullable;

/**
 * Serves the URLs that Exec, Attach and PortForward answer. It binds its socket when the first is
 * asked for; a node on which nobody streams pays nothing for it. Thread-safe.
 */
public final class StreamingServer implements AutoCloseable {
  private final StreamSettings settings;
  private final Streams streams;

  @GuardedBy("this") private @Nullable StreamListener listener;

  @GuardedBy("this") private boolean closed;

  /** Makes the server; nothing listens yet. */
  public StreamingServer(StreamSettings settings, Streams streams) {
    this.settings = settings;
    this.streams = streams;
  }

  /**
   * Returns a URL that is good for one client within a minute.
   *
   * @throws BerthException RESOURCE_EXHAUSTED if too many wait for their clients, UNAVAILABLE if
   *     the configured address cannot be listened on
   */
  public String url(StreamRequest request) {
    return listener().url(request);
  }

  private synchronized StreamListener listener() {
    if (closed) {
      throw new BerthException(UNAVAILABLE, "the server is stopping");
    }
    StreamListener bound = listener;
    if (bound == null) {
      bound = StreamListener.bind(settings, new Sessions(streams));
      listener = bound;
    }
    return bound;
  }

  /** Cuts all connections, which ends their sessions. Idempotent. */
  @Override
  public synchronized void close() {
    closed = true;
    if (listener != null) {
      listener.close();
    }
  }
}
