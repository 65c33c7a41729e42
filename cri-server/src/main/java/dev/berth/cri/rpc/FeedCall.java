package dev.berth.cri.rpc;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.grpc.stub.ServerCallStreamObserver;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Sends a feed to a client, no faster than it takes the messages, until it is gone.
 *
 * <p>On a thread of its own: the call's own must be free to learn that the client is ready, or
 * gone.
 */
final class FeedCall<R> {
  private final String name;
  private final Feed<R> feed;
  private final ServerCallStreamObserver<R> client;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private final Thread sender;

  @GuardedBy("lock") private boolean gone;

  private FeedCall(String name, Feed<R> feed, ServerCallStreamObserver<R> client) {
    this.name = name;
    this.feed = feed;
    this.client = client;
    this.sender = Thread.ofVirtual().name(name).unstarted(this::send);
  }

  static <R> void start(String name, Feed<R> feed, ServerCallStreamObserver<R> client) {
    var call = new FeedCall<>(name, feed, client);
    client.setOnReadyHandler(call::wake);
    client.setOnCancelHandler(call::leave);
    call.sender.start();
  }

  private void wake() {
    lock.lock();
    try {
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  private void leave() {
    lock.lock();
    try {
      gone = true;
    } finally {
      lock.unlock();
    }
    sender.interrupt();
  }

  private void send() {
    try (feed) {
      while (awaitReady()) {
        client.onNext(feed.next());
      }
    } catch (InterruptedException e) {
      // the client is gone, which is how such a call ends
    } catch (RuntimeException e) { // the outermost frame of its thread
      if (!client.isCancelled()) {
        client.onError(ErrorEdge.toStatus(name, e));
      }
    }
  }

  private boolean awaitReady() throws InterruptedException {
    lock.lock();
    try {
      while (!gone && !client.isReady()) {
        changed.await();
      }
      return !gone;
    } finally {
      lock.unlock();
    }
  }
}
