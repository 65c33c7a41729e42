package dev.berth.runtime.cli;

import dev.berth.base.BerthException;
import dev.berth.runtime.task.Task;
import dev.berth.runtime.task.TaskExit;
import dev.berth.runtime.task.TaskIo;
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

  @Option(names = "--keep", description = "do not delete it at its end")
  private boolean keep;

  @Override
  public Integer call() throws Exception {
    if (flags().hasConsoleSocket() && !detach) {
      throw new BerthException(
          BerthException.Kind.INVALID_ARGUMENT, "--console-socket: is for --detach only");
    }
    return cli()
        .withTasks(tasks -> {
          TaskIo io = detach ? flags().released() : new TaskIo.Inherited();
          try (Task task = create(tasks, io)) {
            if (detach) {
              start(task);
              return 0;
            }
            // From before its program runs, which may say that it is ready for them.
            try (var _ = ForwardedSignals.to(signal -> task.kill(signal, false))) {
              start(task);
              return finish(task);
            }
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

  private int finish(Task task) {
    Optional<TaskExit> exit = Optional.empty();
    while (exit.isEmpty()) {
      exit = task.await(POLL);
    }
    if (!keep) {
      task.delete();
    }
    return exit.get().code();
  }
}
