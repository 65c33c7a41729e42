package dev.berth.runtime.cli;

import dev.berth.base.BerthException;
import dev.berth.runtime.task.Task;
import java.time.Duration;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParentCommand;

/** Removes what is left of a stopped container. */
@Command(name = "delete", description = "Removes a stopped container.")
final class DeleteCommand implements Callable<Integer> {
  private static final int SIGKILL = 9;

  @ParentCommand private @Nullable RuntimeCli parent;

  @Option(
      names = {"-f", "--force"},
      description = "end it first if it runs; succeed if it does not exist")
  private boolean force;

  @Parameters(paramLabel = "ID")
  private String id = "";

  @Override
  public Integer call() throws Exception {
    try {
      return java.util.Objects.requireNonNull(parent).withTask(id, this::delete);
    } catch (BerthException e) {
      if (force && e.kind() == BerthException.Kind.NOT_FOUND) {
        return 0;
      }
      throw e;
    }
  }

  private int delete(Task task) {
    if (force && task.state() == Task.State.RUNNING) {
      task.kill(SIGKILL, true);
      task.await(Duration.ofSeconds(10));
    }
    task.delete();
    return 0;
  }
}
