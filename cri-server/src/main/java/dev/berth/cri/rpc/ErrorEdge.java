package dev.berth.cri.rpc;

import dev.berth.base.BerthException;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.lang.System.Logger.Level;
import java.util.concurrent.CancellationException;
import org.jspecify.annotations.Nullable;

/**
 * Chooses the gRPC status of a failure, once, at the edge.
 *
 * <p>The kubelet branches on codes: a probe that timed out must say DeadlineExceeded or its
 * container is never restarted, an object that is gone must say NotFound or the whole pod fails to
 * sync.
 */
final class ErrorEdge {
  private static final System.Logger LOG = System.getLogger(ErrorEdge.class.getName());

  private static final int MAX_MESSAGE_LENGTH = 2048;
  private static final int KEPT_LENGTH = 900;

  private ErrorEdge() {}

  /**
   * Returns what the caller is told.
   *
   * @param verb the RPC, for the log and for failures that have no message of their own
   */
  static StatusRuntimeException toStatus(String verb, Throwable failure) {
    if (failure instanceof StatusRuntimeException already) {
      return already;
    }
    return switch (failure) {
      case BerthException known -> status(known.kind(), known.getMessage(), known);
      case CancellationException _ -> status(BerthException.Kind.CANCELLED, null, failure);
      default -> {
        LOG.log(Level.ERROR, verb + " failed unexpectedly", failure);
        yield status(BerthException.Kind.INTERNAL, verb + ": " + failure, failure);
      }
    };
  }

  private static StatusRuntimeException status(
      BerthException.Kind kind, @Nullable String message, Throwable cause) {
    String description = message == null ? null : bounded(message);
    return code(kind).withDescription(description).withCause(cause).asRuntimeException();
  }

  /** A status travels in a header, and a client ends a connection whose headers are too long. */
  private static String bounded(String message) {
    int length = message.length();
    return length <= MAX_MESSAGE_LENGTH
        ? message
        : message.substring(0, KEPT_LENGTH)
            + " ... ("
            + (length - 2 * KEPT_LENGTH)
            + " characters left out) ... "
            + message.substring(length - KEPT_LENGTH);
  }

  private static Status code(BerthException.Kind kind) {
    return switch (kind) {
      case INVALID_ARGUMENT -> Status.INVALID_ARGUMENT;
      case NOT_FOUND -> Status.NOT_FOUND;
      case ALREADY_EXISTS -> Status.ALREADY_EXISTS;
      case FAILED_PRECONDITION -> Status.FAILED_PRECONDITION;
      case UNAVAILABLE -> Status.UNAVAILABLE;
      case UNIMPLEMENTED -> Status.UNIMPLEMENTED;
      case RESOURCE_EXHAUSTED -> Status.RESOURCE_EXHAUSTED;
      case DEADLINE_EXCEEDED -> Status.DEADLINE_EXCEEDED;
      case CANCELLED -> Status.CANCELLED;
      case KUBELET_REASON -> Status.UNKNOWN; // the client reads the text only under this code
      case INTERNAL -> Status.INTERNAL;
    };
  }
}
