package dev.berth.e2e;

import com.google.protobuf.Message;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.MethodDescriptor;
import io.grpc.MethodDescriptor.MethodType;
import io.grpc.MethodDescriptor.PrototypeMarshaller;
import io.grpc.ServiceDescriptor;
import io.grpc.Status;
import io.grpc.stub.ClientCalls;
import java.util.EnumSet;
import java.util.Iterator;
import java.util.Set;
import java.util.concurrent.TimeUnit;

/** Calls of CRI by name, with whatever message. */
final class CriCalls {
  /** What says that the caller, not the server, is to blame. */
  static final Set<Status.Code> REFUSED =
      EnumSet.of(
          Status.Code.INVALID_ARGUMENT,
          Status.Code.NOT_FOUND,
          Status.Code.ALREADY_EXISTS,
          Status.Code.FAILED_PRECONDITION,
          Status.Code.UNIMPLEMENTED);

  private CriCalls() {}

  @SuppressWarnings("unchecked") // every method of a protobuf service has messages
  static MethodDescriptor<Message, Message> method(ServiceDescriptor service, String name) {
    return service.getMethods().stream()
        .filter(method -> method.getFullMethodName().endsWith("/" + name))
        .map(method -> (MethodDescriptor<Message, Message>) method)
        .findFirst()
        .orElseThrow();
  }

  /** Returns the request of a method with nothing in it. */
  static Message prototype(MethodDescriptor<Message, Message> method) {
    return ((PrototypeMarshaller<Message>) method.getRequestMarshaller()).getMessagePrototype();
  }

  /** Calls a method with half a minute of time; returns the answer, of several the last. */
  static Message call(Channel channel, MethodDescriptor<Message, Message> method, Message request) {
    CallOptions options = CallOptions.DEFAULT.withDeadlineAfter(30, TimeUnit.SECONDS);
    if (method.getType() == MethodType.UNARY) {
      return ClientCalls.blockingUnaryCall(channel, method, options, request);
    }
    Iterator<Message> answers =
        ClientCalls.blockingServerStreamingCall(channel, method, options, request);
    Message last = request;
    while (answers.hasNext()) {
      last = answers.next();
    }
    return last;
  }
}
