package dev.berth.sandbox;

import com.google.protobuf.ByteString;
import dev.berth.base.BerthException;
import dev.berth.base.Operation;
import dev.berth.base.Rollback;
import dev.berth.proto.cri.v1.LinuxContainerResources;
import dev.berth.runtime.spec.SpecJson;
import dev.berth.sandbox.spec.ContainerLimits;
import dev.berth.sandbox.spec.HostFacts;

/**
 * Changes the limits of a container: all that are asked for, or none.
 *
 * <p>What is zero or empty in a request stays as it is: the kubelet's CPU manager sends nothing but
 * a set of CPUs. One that has ended only remembers, since nothing of it can be limited any more.
 */
final class UpdateContainerResources {
  private final Tasks tasks;
  private final HostFacts host;

  UpdateContainerResources(Tasks tasks, HostFacts host) {
    this.tasks = tasks;
    this.host = host;
  }

  void update(Container container, LinuxContainerResources change, Operation operation) {
    try (var _ = Lifecycle.hold(container, operation);
        var rollback = new Rollback()) {
      LinuxContainerResources before = container.record().config().getLinux().getResources();
      operation.enter(UpdateContainerResourcesStage.APPLY);
      if (hasTask(container)) {
        rollback.onFailure(
            "restore the limits of " + container.id(), () -> apply(container, before));
        apply(container, change, operation);
      }
      operation.enter(UpdateContainerResourcesStage.RECORD);
      container.limited(ContainerLimits.merge(before, change));
      rollback.commit();
    }
  }

  private static boolean hasTask(Container container) {
    return switch (container.currentState()) {
      case ContainerState.Created _, ContainerState.Running _ -> true;
      case ContainerState.Exited _ -> false;
      case ContainerState.Unknown(var _, var _, var why) ->
          throw new BerthException(
              BerthException.Kind.FAILED_PRECONDITION,
              "container " + container.id() + " is in an unknown state: " + why);
    };
  }

  private void apply(Container container, LinuxContainerResources limits) {
    apply(container, limits, Operation.internal("undo of UpdateContainerResources"));
  }

  private void apply(Container container, LinuxContainerResources limits, Operation operation) {
    byte[] json = SpecJson.write(ContainerLimits.of(limits, host));
    tasks.update(container.id(), ByteString.copyFrom(json), operation);
  }
}
