package dev.berth.cri.service;

import dev.berth.cri.rpc.Feed;
import dev.berth.proto.cri.v1.ContainerEventResponse;
import dev.berth.proto.cri.v1.ContainerEventType;
import dev.berth.sandbox.PodEvent;
import dev.berth.sandbox.PodEventFeed;

/** Events in CRI's words. */
record EventFeed(PodEventFeed events) implements Feed<ContainerEventResponse> {
  @Override
  public ContainerEventResponse next() throws InterruptedException {
    PodEvent event = events.next();
    var message =
        ContainerEventResponse.newBuilder()
            .setContainerId(event.id())
            .setContainerEventType(type(event.kind()))
            .setCreatedAt(Times.nanos(event.at()))
            .setPodSandboxStatus(SandboxMessages.status(event.sandbox()));
    event
        .containers()
        .forEach(container -> message.addContainersStatuses(ContainerMessages.status(container)));
    return message.build();
  }

  private static ContainerEventType type(PodEvent.Kind kind) {
    return switch (kind) {
      case CREATED -> ContainerEventType.CONTAINER_CREATED_EVENT;
      case STARTED -> ContainerEventType.CONTAINER_STARTED_EVENT;
      case STOPPED -> ContainerEventType.CONTAINER_STOPPED_EVENT;
      case DELETED -> ContainerEventType.CONTAINER_DELETED_EVENT;
    };
  }

  @Override
  public void close() {
    events.close();
  }
}
