package dev.berth.image.registry;

import dev.berth.base.Operation;
import java.io.IOException;
import java.net.SocketTimeoutException;
import java.time.Duration;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.hc.client5.http.classic.methods.HttpUriRequestBase;
import org.apache.hc.core5.http.ClassicHttpResponse;

/**
 * A request on its way to the headers of its answer.
 *
 * <p>Looking up a name, connecting and reading headers can each take their time and hardly be
 * interrupted, so they happen on a virtual thread of their own; who waits can leave at any moment.
 */
final class PendingAnswer {
  private static final long TICK_MILLIS = 50;

  private final HttpUriRequestBase request;
  private final FutureTask<ClassicHttpResponse> exchange;

  PendingAnswer(HttpUriRequestBase request, Callable<ClassicHttpResponse> exchange) {
    this.request = request;
    this.exchange = new FutureTask<>(exchange);
  }

  /**
   * Sends the request and waits for the headers.
   *
   * @throws IOException if the exchange fails, or takes longer than {@code limit}
   * @throws dev.berth.base.BerthException if the operation is cancelled or out of time
   */
  ClassicHttpResponse await(Operation operation, Duration limit) throws IOException {
    long end = System.nanoTime() + limit.toNanos();
    Thread.ofVirtual().name("registry-request").start(exchange);
    boolean answered = false;
    try {
      while (!exchange.isDone()) {
        operation.check();
        if (System.nanoTime() - end > 0) {
          throw new SocketTimeoutException("no answer within " + limit.toMillis() + " ms");
        }
        pause();
      }
      ClassicHttpResponse response = outcome();
      answered = true;
      return response;
    } finally {
      if (!answered) {
        request.abort(); // also closes the connection of an answer that comes after all
      }
    }
  }

  private void pause() throws IOException {
    try {
      exchange.get(TICK_MILLIS, TimeUnit.MILLISECONDS);
    } catch (TimeoutException | ExecutionException e) {
      // looked at in the next round
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    }
  }

  private ClassicHttpResponse outcome() throws IOException {
    if (exchange.state() == FutureTask.State.SUCCESS) {
      return exchange.resultNow();
    }
    switch (exchange.exceptionNow()) {
      case IOException e -> throw e;
      case RuntimeException e -> throw e;
      case Throwable e -> throw new IOException(String.valueOf(e), e);
    }
  }
}
