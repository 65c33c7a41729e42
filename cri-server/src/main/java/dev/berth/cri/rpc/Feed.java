package dev.berth.cri.rpc;

/** Messages without end for one client. */
public interface Feed<R> extends AutoCloseable {
  /** Waits for the next one; interrupted when the client is gone. */
  R next() throws InterruptedException;

  /** Called once, after the last message. */
  @Override
  void close();
}
