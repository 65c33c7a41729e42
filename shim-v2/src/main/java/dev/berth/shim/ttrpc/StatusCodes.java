package dev.berth.shim.ttrpc;

import com.google.rpc.Code;
import com.google.rpc.Status;
import dev.berth.base.BerthException;
import dev.berth.base.BerthException.Kind;

/** Turns failures into the status of a response and back. The codes are those of gRPC. */
final class StatusCodes {
  private StatusCodes() {}

  static Status statusOf(BerthException failure) {
    return status(codeOf(failure.kind()), String.valueOf(failure.getMessage()));
  }

  static Status status(Code code, String message) {
    return Status.newBuilder().setCode(code.getNumber()).setMessage(message).build();
  }

  static BerthException failureOf(Status status) {
    return new BerthException(kindOf(status.getCode()), status.getMessage());
  }

  private static Code codeOf(Kind kind) {
    return switch (kind) {
      case INVALID_ARGUMENT -> Code.INVALID_ARGUMENT;
      case NOT_FOUND -> Code.NOT_FOUND;
      case ALREADY_EXISTS -> Code.ALREADY_EXISTS;
      case FAILED_PRECONDITION -> Code.FAILED_PRECONDITION;
      case UNAVAILABLE -> Code.UNAVAILABLE;
      case UNIMPLEMENTED -> Code.UNIMPLEMENTED;
      case RESOURCE_EXHAUSTED -> Code.RESOURCE_EXHAUSTED;
      case DEADLINE_EXCEEDED -> Code.DEADLINE_EXCEEDED;
      case CANCELLED -> Code.CANCELLED;
      case KUBELET_REASON -> Code.UNKNOWN;
      case INTERNAL -> Code.INTERNAL;
    };
  }

  private static Kind kindOf(int number) {
    Code code = Code.forNumber(number);
    if (code == null) {
      return Kind.INTERNAL;
    }
    return switch (code) {
      case CANCELLED -> Kind.CANCELLED;
      case INVALID_ARGUMENT, OUT_OF_RANGE -> Kind.INVALID_ARGUMENT;
      case DEADLINE_EXCEEDED -> Kind.DEADLINE_EXCEEDED;
      case NOT_FOUND -> Kind.NOT_FOUND;
      case ALREADY_EXISTS -> Kind.ALREADY_EXISTS;
      case RESOURCE_EXHAUSTED -> Kind.RESOURCE_EXHAUSTED;
      case FAILED_PRECONDITION -> Kind.FAILED_PRECONDITION;
      case ABORTED, UNAVAILABLE -> Kind.UNAVAILABLE;
      case UNIMPLEMENTED -> Kind.UNIMPLEMENTED;
      case OK, UNKNOWN, PERMISSION_DENIED, UNAUTHENTICATED, INTERNAL, DATA_LOSS, UNRECOGNIZED ->
          Kind.INTERNAL;
    };
  }
}
