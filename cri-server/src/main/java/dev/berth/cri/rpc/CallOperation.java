package dev.berth.cri.rpc;

import static java.util.concurrent.TimeUnit.NANOSECONDS;

import dev.berth.base.Operation;
import io.grpc.Context;
import io.grpc.Contexts;
import io.grpc.Deadline;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import java.time.Duration;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Makes the {@link Operation} of a gRPC call from its deadline, cancellation and trace header. */
final class CallOperation {
  private static final Metadata.Key<String> TRACEPARENT_HEADER =
      Metadata.Key.of("traceparent", Metadata.ASCII_STRING_MARSHALLER);
  private static final Context.Key<String> TRACEPARENT = Context.key("traceparent");

  /** W3C Trace Context, section 3.2: version, trace id, parent id, flags. */
  private static final Pattern TRACEPARENT_FORM =
      Pattern.compile("[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}");

  /** What it takes at most for an error to reach the client, and the part of its time otherwise. */
  private static final Duration MARGIN = Duration.ofMillis(500);

  private static final int MARGIN_SHARE = 10;

  private CallOperation() {}

  /** Keeps the trace header of a call for {@link #start}; a malformed one counts as none. */
  static ServerInterceptor traceInterceptor() {
    return new ServerInterceptor() {
      @Override
      public <Q, R> ServerCall.Listener<Q> interceptCall(
          ServerCall<Q, R> call, Metadata headers, ServerCallHandler<Q, R> next) {
        String traceparent = headers.get(TRACEPARENT_HEADER);
        if (traceparent == null || !TRACEPARENT_FORM.matcher(traceparent).matches()) {
          return next.startCall(call, headers);
        }
        Context context = Context.current().withValue(TRACEPARENT, traceparent);
        return Contexts.interceptCall(context, call, headers, next);
      }
    };
  }

  /**
   * Starts the operation of the current call.
   *
   * <p>The call's context is what tells of cancellation while the verb runs: the cancel callback of
   * the call itself would be queued behind the verb.
   */
  static Operation start(String verb) {
    Context context = Context.current();
    Operation operation =
        Operation.start(verb, timeLeft(context.getDeadline()), TRACEPARENT.get(context));
    context.addListener(_ -> operation.cancel(), CallOperation::onOwnThread);
    return operation;
  }

  /** What is done about a cancelled call may wait; the thread that tells of it must not. */
  private static void onOwnThread(Runnable cancellation) {
    var _ = Thread.ofVirtual().name("cri-cancel").start(cancellation);
  }

  /**
   * A client whose own time is over hears nothing any more, so the operation's is over a little
   * earlier: its caller is told where the time went.
   */
  private static @Nullable Duration timeLeft(@Nullable Deadline deadline) {
    if (deadline == null) {
      return null;
    }
    long left = Math.max(0, deadline.timeRemaining(NANOSECONDS));
    return Duration.ofNanos(left - Math.min(left / MARGIN_SHARE, MARGIN.toNanos()));
  }
}
