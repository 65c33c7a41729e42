package dev.berth.runtime.cli;

import static dev.berth.base.BerthException.Kind.FAILED_PRECONDITION;

import dev.berth.base.BerthException;
import dev.berth.runtime.cgroup.Cgroup;
import dev.berth.runtime.task.Task;
import java.time.Duration;
import picocli.CommandLine.Command;

/** Stops all processes of a container where they are. */
@Command(name = "pause", description = "Suspends the processes of a running container.")
final class PauseCommand extends ContainerCommand {
  private static final Duration LIMIT = Duration.ofSeconds(10);

  @Override
  int with(Task task) {
    if (task.state() != Task.State.RUNNING) {
      throw new BerthException(
          FAILED_PRECONDITION, "container " + id() + ": cannot be paused, it is " + task.state());
    }
    requireCgroup(task).freeze(LIMIT);
    return 0;
  }

  static Cgroup requireCgroup(Task task) {
    return task.cgroup()
        .orElseThrow(() ->
            new BerthException(
                FAILED_PRECONDITION,
                "container " + task.id() + ": has no cgroup of its own (linux.cgroupsPath)"));
  }
}
