package dev.berth.cri.rpc;

import com.google.common.collect.Lists;
import com.google.errorprone.annotations.CanIgnoreReturnValue;
import dev.berth.base.BerthException;
import dev.berth.base.Operation;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerServiceDefinition;
import io.grpc.ServiceDescriptor;
import io.grpc.Status;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.ServerCalls;
import io.grpc.stub.StreamObserver;
import java.lang.System.Logger.Level;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * Puts a gRPC service together from its verbs.
 *
 * <p>An RPC of the service that was given no verb answers Unimplemented with its name, so that a
 * client sees what is missing instead of guessing.
 */
public final class ServiceAssembly {
  private static final System.Logger LOG = System.getLogger(ServiceAssembly.class.getName());

  /** Of a streamed list; some hundred kilobytes at most. */
  private static final int ITEMS_PER_MESSAGE = 50;

  private final ServiceDescriptor service;
  private final Map<String, ServerCallHandler<?, ?>> handlers = new HashMap<>();

  private ServiceAssembly(ServiceDescriptor service) {
    this.service = service;
  }

  /** Begins the assembly of a service. */
  public static ServiceAssembly of(ServiceDescriptor service) {
    return new ServiceAssembly(service);
  }

  /** Lets {@code verb} answer {@code method}. */
  @CanIgnoreReturnValue
  public <Q, R> ServiceAssembly unary(MethodDescriptor<Q, R> method, Verb<Q, R> verb) {
    String name = Objects.requireNonNull(method.getBareMethodName());
    handlers.put(
        method.getFullMethodName(),
        ServerCalls.<Q, R>asyncUnaryCall(
            (request, replies) -> answer(name, verb, request, replies)));
    return this;
  }

  /**
   * Like {@link #unary}, on the thread that moves the bytes of all connections: for a verb that
   * answers from memory and never waits. That saves two changes of threads, which take longer than
   * the verb.
   */
  @CanIgnoreReturnValue
  public <Q, R> ServiceAssembly immediate(MethodDescriptor<Q, R> method, Verb<Q, R> verb) {
    unary(method, verb);
    String name = method.getFullMethodName();
    handlers.put(name, new Immediate<>(Objects.requireNonNull(handlers.get(name))));
    return this;
  }

  /** Marks the handler of a verb that never waits. */
  private record Immediate<Q, R>(ServerCallHandler<Q, R> handler)
      implements ServerCallHandler<Q, R> {
    @Override
    public ServerCall.Listener<Q> startCall(ServerCall<Q, R> call, Metadata headers) {
      return handler.startCall(call, headers);
    }
  }

  /** Returns the full names of those methods of services that are answered at once. */
  static Set<String> immediate(List<ServerServiceDefinition> services) {
    return services.stream()
        .flatMap(service -> service.getMethods().stream())
        .filter(method -> method.getServerCallHandler() instanceof Immediate)
        .map(method -> method.getMethodDescriptor().getFullMethodName())
        .collect(Collectors.toUnmodifiableSet());
  }

  /**
   * Lets {@code list} answer {@code method} by a stream: of messages with a part of the list each,
   * none if it is empty.
   *
   * @param message makes a message of a part
   */
  @CanIgnoreReturnValue
  public <Q, T, R> ServiceAssembly listed(
      MethodDescriptor<Q, R> method, Verb<Q, List<T>> list, Function<List<T>, R> message) {
    String name = Objects.requireNonNull(method.getBareMethodName());
    handlers.put(
        method.getFullMethodName(),
        ServerCalls.<Q, R>asyncServerStreamingCall((request, replies) -> {
          Operation operation = CallOperation.start(name);
          try (var _ = operation.listed()) {
            List<T> items = list.answer(request, operation);
            Lists.partition(items, ITEMS_PER_MESSAGE)
                .forEach(part -> replies.onNext(message.apply(part)));
            replies.onCompleted();
          } catch (Throwable failure) { // the outermost frame of the verb's thread
            replies.onError(ErrorEdge.toStatus(name, failure));
          }
        }));
    return this;
  }

  /**
   * Lets a feed answer {@code method}, for as long as the client stays.
   *
   * @param open makes the feed of one client
   */
  @CanIgnoreReturnValue
  public <Q, R> ServiceAssembly fed(MethodDescriptor<Q, R> method, Function<Q, Feed<R>> open) {
    String name = Objects.requireNonNull(method.getBareMethodName());
    handlers.put(
        method.getFullMethodName(),
        ServerCalls.<Q, R>asyncServerStreamingCall((request, replies) -> {
          try {
            FeedCall.start(name, open.apply(request), (ServerCallStreamObserver<R>) replies);
          } catch (RuntimeException failure) { // the outermost frame of the call's thread
            replies.onError(ErrorEdge.toStatus(name, failure));
          }
        }));
    return this;
  }

  /** Returns the service with every RPC answered. */
  public ServerServiceDefinition build() {
    ServerServiceDefinition.Builder definition = ServerServiceDefinition.builder(service);
    service.getMethods().forEach(method -> add(definition, method));
    return definition.build();
  }

  private <Q, R> void add(
      ServerServiceDefinition.Builder definition, MethodDescriptor<Q, R> method) {
    @SuppressWarnings("unchecked") // put under the name of the same method
    var handler = (ServerCallHandler<Q, R>) handlers.get(method.getFullMethodName());
    definition.addMethod(method, handler != null ? handler : unimplemented(method));
  }

  private static <Q, R> ServerCallHandler<Q, R> unimplemented(MethodDescriptor<Q, R> method) {
    Status status =
        Status.UNIMPLEMENTED.withDescription(
            "rpc " + method.getBareMethodName() + " is not implemented");
    return (call, _) -> {
      call.close(status, new Metadata());
      return new ServerCall.Listener<>() {};
    };
  }

  private static <Q, R> void answer(
      String name, Verb<Q, R> verb, Q request, StreamObserver<R> replies) {
    Operation operation = CallOperation.start(name);
    var single = new SingleReply<>(replies);
    single.watch(operation);
    try (var _ = operation.listed()) {
      single.answer(verb.answer(request, operation));
      LOG.log(
          Level.DEBUG,
          () ->
              operation.verb() + "#" + operation.requestId() + ": done in " + operation.timings());
    } catch (Throwable failure) { // the outermost frame of the verb's thread
      var status = ErrorEdge.toStatus(name, atStage(operation, failure));
      LOG.log(
          Level.DEBUG,
          () -> operation + ": " + status.getMessage() + ", after " + operation.timings());
      single.refuse(status);
    }
  }

  /** What a wait says that ran out of the operation's time does not know of its stage. */
  private static Throwable atStage(Operation operation, Throwable failure) {
    String stage = operation.stageName();
    boolean isOver = operation.timeLeft().map(left -> !left.isPositive()).orElse(false);
    return isOver
            && !stage.isEmpty()
            && failure instanceof BerthException known
            && known.kind() == BerthException.Kind.DEADLINE_EXCEEDED
            && !String.valueOf(known.getMessage()).startsWith(operation.verb())
        ? known.during(operation.verb() + " at " + stage)
        : failure;
  }
}
