package dev.berth.runtime.cli;

import static dev.berth.base.BerthException.Kind.FAILED_PRECONDITION;

import dev.berth.base.BerthException;
import dev.berth.runtime.cgroup.Cgroup;
import dev.berth.runtime.task.Task;
import picocli.CommandLine.Command;

/** Lets the processes of a paused container go on. */
@Command(name = "resume", description = "Resumes the processes of a paused container.")
final class ResumeCommand extends ContainerCommand {
  @Override
  int with(Task task) {
    Cgroup cgroup = PauseCommand.requireCgroup(task);
    if (!cgroup.isFrozen()) {
      throw new BerthException(
          FAILED_PRECONDITION, "container " + id() + ": cannot be resumed, it is not paused");
    }
    cgroup.thaw();
    return 0;
  }
}
