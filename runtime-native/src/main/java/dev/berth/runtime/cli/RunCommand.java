package dev.berth.runtime.cli;

import dev.berth.runtime.task.Task;
import dev.berth.runtime.task.TaskExit;
import java.time.Duration;
import java.util.Optional;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Creates a container, starts it, waits for its end and deletes it. */
@Command(name = "run", description = "Runs a container to its end and deletes it.")
final class RunCommand extends CreateCommand {
  private static final Duration POLL = Duration.ofHours(1);

  @Option(
      names = {"-d", "--detach"},
      description = "return once it runs, and leave it there")
  private boolean detach;

  @Override
  public Integer call() throws Exception {
    return cli()
        .withTasks(tasks -> {
          try (Task task = create(tasks)) {
            start(task);
            return detach ? 0 : finish(task);
          }
        });
  }

  private static void start(Task task) {
    try {
      task.start();
    } catch (RuntimeException e) {
      task.await(Duration.ofSeconds(10));
      task.delete();
      throw e;
    }
  }

  private static int finish(Task task) {
    Optional<TaskExit> exit = Optional.empty();
    while (exit.isEmpty()) {
      exit = task.await(POLL);
    }
    task.delete();
    return exit.get().code();
  }
}
