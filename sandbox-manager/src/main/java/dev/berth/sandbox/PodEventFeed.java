package dev.berth.sandbox;

/** The events from the moment it was opened, for one reader. */
public interface PodEventFeed extends AutoCloseable {
  /** Waits for the next event. */
  PodEvent next() throws InterruptedException;

  /** Ends it. Idempotent. */
  @Override
  void close();
}
