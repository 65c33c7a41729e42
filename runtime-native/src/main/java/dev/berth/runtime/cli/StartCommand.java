package dev.berth.runtime.cli;

import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParentCommand;

/** Starts a created container. */
@Command(name = "start", description = "Runs the program of a created container.")
final class StartCommand implements Callable<Integer> {
  @ParentCommand private @Nullable RuntimeCli parent;

  @Parameters(paramLabel = "ID")
  private String id = "";

  @Override
  public Integer call() throws Exception {
    return java.util.Objects.requireNonNull(parent)
        .withTask(
            id,
            task -> {
              task.start();
              return 0;
            });
  }
}
