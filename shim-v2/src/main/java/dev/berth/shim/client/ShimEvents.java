package dev.berth.shim.client;

import com.google.protobuf.Any;
import com.google.protobuf.Empty;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.MessageLite;
import dev.berth.base.BerthException;
import dev.berth.proto.shim.events.TaskCreate;
import dev.berth.proto.shim.events.TaskDelete;
import dev.berth.proto.shim.events.TaskExecAdded;
import dev.berth.proto.shim.events.TaskExecStarted;
import dev.berth.proto.shim.events.TaskExit;
import dev.berth.proto.shim.events.TaskOOM;
import dev.berth.proto.shim.events.TaskStart;
import dev.berth.proto.shim.events.ttrpc.v1.ForwardRequest;
import dev.berth.proto.shim.types.Envelope;
import dev.berth.shim.ttrpc.TtrpcCall;
import dev.berth.shim.ttrpc.TtrpcServer;
import dev.berth.shim.ttrpc.TtrpcService;
import java.nio.file.Path;
import java.util.function.Consumer;

/**
 * Takes the events of all shims of a runtime, on the socket that shims know as TTRPC_ADDRESS.
 *
 * <p>A shim sends its events one after the other and repeats one that was not taken, for some
 * seconds: what a runtime misses while it is down it must ask for. It therefore listens before it
 * starts or adopts shims.
 */
public final class ShimEvents implements AutoCloseable {
  private final String namespace;
  private final Consumer<ShimEvent> listener;
  private final TtrpcServer server;

  private ShimEvents(Path socket, String namespace, Consumer<ShimEvent> listener) {
    this.namespace = namespace;
    this.listener = listener;
    this.server =
        TtrpcServer.listen(
            socket,
            TtrpcService.named("containerd.services.events.ttrpc.v1.Events")
                .unary("Forward", ForwardRequest.parser(), this::forward)
                .build());
  }

  /**
   * Listens until closed.
   *
   * @param socket where nothing is, in a directory of mode 0700
   * @param namespace whose events are wanted; others are taken and dropped
   * @param listener called on a virtual thread; the shim is answered when it returns, and sends the
   *     event again when it throws
   */
  public static ShimEvents listen(Path socket, String namespace, Consumer<ShimEvent> listener) {
    return new ShimEvents(socket, namespace, listener);
  }

  /** Stops listening; shims keep what they have to say for some seconds. Idempotent. */
  @Override
  public void close() {
    server.close();
  }

  private MessageLite forward(TtrpcCall call, ForwardRequest request) {
    Envelope envelope = request.getEnvelope();
    if (envelope.getNamespace().equals(namespace)) {
      listener.accept(event(envelope));
    }
    return Empty.getDefaultInstance();
  }

  private static ShimEvent event(Envelope envelope) {
    try {
      return parse(envelope);
    } catch (InvalidProtocolBufferException e) {
      throw new BerthException(
          BerthException.Kind.INVALID_ARGUMENT,
          "event " + envelope.getTopic() + " cannot be parsed: " + e.getMessage(),
          e);
    }
  }

  private static ShimEvent parse(Envelope envelope) throws InvalidProtocolBufferException {
    Any any = envelope.getEvent();
    return switch (any.getTypeUrl()) {
      case "containerd.events.TaskCreate" -> {
        var event = TaskCreate.parseFrom(any.getValue());
        yield new ShimEvent.Created(event.getContainerId(), event.getPid());
      }
      case "containerd.events.TaskStart" -> {
        var event = TaskStart.parseFrom(any.getValue());
        yield new ShimEvent.Started(event.getContainerId(), event.getPid());
      }
      case "containerd.events.TaskExecAdded" -> {
        var event = TaskExecAdded.parseFrom(any.getValue());
        yield new ShimEvent.ExecAdded(new TaskProcess(event.getContainerId(), event.getExecId()));
      }
      case "containerd.events.TaskExecStarted" -> {
        var event = TaskExecStarted.parseFrom(any.getValue());
        yield new ShimEvent.ExecStarted(
            new TaskProcess(event.getContainerId(), event.getExecId()), event.getPid());
      }
      case "containerd.events.TaskExit" -> exited(TaskExit.parseFrom(any.getValue()));
      case "containerd.events.TaskOOM" ->
          new ShimEvent.OutOfMemory(TaskOOM.parseFrom(any.getValue()).getContainerId());
      case "containerd.events.TaskDelete" -> deleted(TaskDelete.parseFrom(any.getValue()));
      default ->
          // every task event begins with the container's id; what else comes is not looked into
          new ShimEvent.Other("", envelope.getTopic(), TaskTypes.instant(envelope.getTimestamp()));
    };
  }

  private static ShimEvent exited(TaskExit event) {
    // the container's own process comes with the container's id as its own
    String execId = event.getId().equals(event.getContainerId()) ? "" : event.getId();
    return new ShimEvent.Exited(
        new TaskProcess(event.getContainerId(), execId),
        new dev.berth.shim.client.TaskExit(
            event.getPid(), event.getExitStatus(), TaskTypes.instant(event.getExitedAt())));
  }

  private static ShimEvent deleted(TaskDelete event) {
    return new ShimEvent.Deleted(
        event.getContainerId(),
        new dev.berth.shim.client.TaskExit(
            event.getPid(), event.getExitStatus(), TaskTypes.instant(event.getExitedAt())));
  }
}
