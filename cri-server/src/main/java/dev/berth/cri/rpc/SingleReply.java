package dev.berth.cri.rpc;

import dev.berth.base.Operation;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.StreamObserver;
import java.time.Duration;
import java.util.Locale;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * The one answer of a call, by whoever has it first: the verb, or its deadline.
 *
 * <p>A verb may be unable to end in time, when a peer hangs, or has something to undo first. Its
 * caller is told in time all the same, and at which stage the time ran out; the verb is cancelled
 * and goes on to its end, among the operations that are listed.
 */
final class SingleReply<R> {
  private final StreamObserver<R> replies;
  private final CountDownLatch answered = new CountDownLatch(1);

  SingleReply(StreamObserver<R> replies) {
    this.replies = replies;
  }

  /** Begins to watch the deadline of the operation, if it has one. */
  void watch(Operation operation) {
    operation
        .timeLeft()
        .ifPresent(
            left -> Thread.ofVirtual().name("cri-deadline").start(() -> await(operation, left)));
  }

  private void await(Operation operation, Duration left) {
    try {
      if (!answered.await(left.toNanos(), TimeUnit.NANOSECONDS)) {
        refuse(overdue(operation));
        operation.cancel();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt(); // nobody does that, and then there is nothing to watch
    }
  }

  private static StatusRuntimeException overdue(Operation operation) {
    String age = String.format(Locale.ROOT, "%.1f", operation.stageAge().toMillis() / 1e3);
    String stage = operation.stageName();
    return Status.DEADLINE_EXCEEDED
        .withDescription(
            operation.verb()
                + (stage.isEmpty() ? "" : " at " + stage)
                + ": deadline exceeded after "
                + age
                + " s there")
        .asRuntimeException();
  }

  /** Answers, unless that was done. */
  void answer(R reply) {
    if (claim()) {
      replies.onNext(reply);
      replies.onCompleted();
    }
  }

  /** Answers by an error, unless that was done. */
  void refuse(StatusRuntimeException status) {
    if (claim()) {
      replies.onError(status);
    }
  }

  private synchronized boolean claim() {
    boolean first = answered.getCount() > 0;
    answered.countDown();
    return first;
  }
}
