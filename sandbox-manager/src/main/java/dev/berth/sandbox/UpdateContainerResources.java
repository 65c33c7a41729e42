package dev.berth.sandbox;

import com.google.protobuf.ByteString;
import dev.berth.base.BerthException;
import dev.berth.base.Operation;
import dev.berth.base.Rollback;
import dev.berth.proto.cri.v1.LinuxContainerResources;
import dev.berth.runtime.spec.Resources;
import dev.berth.runtime.spec.SpecJson;
import dev.berth.sandbox.spec.ContainerLimits;
import dev.berth.sandbox.spec.HostFacts;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/**
 * Changes the limits of a container: all that are asked for, or none.
 *
 * <p>What is zero or empty in a request stays as it is: the kubelet's CPU manager sends nothing but
 * a set of CPUs. One that has ended only remembers, since nothing of it can be limited any more.
 */
final class UpdateContainerResources {
  private final Tasks tasks;
  private final HostFacts host;
  private final Plugins plugins;

  UpdateContainerResources(Tasks tasks, HostFacts host, Plugins plugins) {
    this.tasks = tasks;
    this.host = host;
    this.plugins = plugins;
  }

  /** Changes limits as CRI asks for it, and plugins over it. */
  void update(Container container, LinuxContainerResources change, Operation operation) {
    int _ = ContainerLimits.oomScoreAdj(change);
    apply(container, plugins.updateContainer(container, change), operation);
    plugins.updatedContainer(container);
  }

  /** Changes limits without asking plugins. */
  void apply(Container container, LimitChange change, Operation operation) {
    container.concerns(operation);
    try (var _ = Lifecycle.hold(container, operation);
        var rollback = new Rollback()) {
      container.requireThere();
      LinuxContainerResources before = container.record().config().getLinux().getResources();
      operation.enter(UpdateContainerResourcesStage.APPLY);
      if (hasTask(container)) {
        LinuxContainerResources undo = ContainerLimits.undo(before, change.limits());
        rollback.onFailure("restore the limits of " + container.id(), () -> undo(container, undo));
        write(container, change, operation);
        int score = ContainerLimits.oomScoreAdj(change.limits());
        if (score != 0) {
          writeScore(container, score, operation);
          rollback.onFailure(
              "restore the score of " + container.id(),
              () -> writeScore(container, ContainerLimits.oomScoreAdj(before), undoing()));
        }
      }
      operation.enter(UpdateContainerResourcesStage.RECORD);
      container.limited(ContainerLimits.merge(before, change.limits()));
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

  private void undo(Container container, LinuxContainerResources limits) {
    write(container, LimitChange.of(limits), undoing());
  }

  private static Operation undoing() {
    return Operation.internal("undo of UpdateContainerResources");
  }

  private void write(Container container, LimitChange change, Operation operation) {
    Resources limits = change.more().apply(ContainerLimits.of(change.limits(), host));
    byte[] json = SpecJson.write(limits);
    tasks.update(container.id(), ByteString.copyFrom(json), operation);
  }

  /**
   * No shim is asked for this: the score is no resource of the runtime spec. It is the first
   * process's; what that starts from now on inherits it.
   */
  private void writeScore(Container container, int score, Operation operation) {
    int pid = tasks.state(container.id(), operation.remaining(Tasks.LIMIT)).pid();
    Path process = Path.of("/proc", Integer.toString(pid));
    try {
      if (Files.readString(process.resolve("cgroup")).contains(container.id())) {
        Files.writeString(process.resolve("oom_score_adj"), Integer.toString(score));
      }
    } catch (NoSuchFileException e) {
      // It has ended: whom the kernel kills is not its matter any more.
    } catch (IOException e) {
      throw new BerthException(
          BerthException.Kind.FAILED_PRECONDITION,
          "resources.oom_score_adj " + score + " cannot be set: " + e.getMessage(),
          e);
    }
  }
}
