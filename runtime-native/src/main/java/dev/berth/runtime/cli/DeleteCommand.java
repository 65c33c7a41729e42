package dev.berth.runtime.cli;

import dev.berth.base.BerthException;
import dev.berth.runtime.task.Task;
import dev.berth.runtime.task.Tasks;
import java.time.Duration;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Removes what is left of a stopped container. */
@Command(name = "delete", description = "Removes a stopped container.")
final class DeleteCommand extends ContainerCommand {
  private static final int SIGKILL = 9;

  @Option(
      names = {"-f", "--force"},
      description = "end it first if it runs; succeed if it does not exist")
  private boolean force;

  @Override
  int without(BerthException reason) throws Exception {
    if (!force) {
      throw reason;
    }
    return runtime().withTasks(this::discard);
  }

  /** A create that was killed midway has left a directory, and perhaps more, but no record. */
  private int discard(Tasks tasks) {
    try {
      tasks.discard(id());
    } catch (BerthException e) {
      if (e.kind() != BerthException.Kind.NOT_FOUND) {
        throw e;
      }
    }
    return 0;
  }

  @Override
  int with(Task task) {
    if (force && task.state() == Task.State.RUNNING) {
      task.kill(SIGKILL, true);
      task.await(Duration.ofSeconds(10));
    }
    task.delete();
    return 0;
  }
}
