package dev.berth.runtime.cli;

import dev.berth.base.BerthException;
import dev.berth.runtime.Signals;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParentCommand;

/** Sends a signal to a container. */
@Command(name = "kill", description = "Sends a signal to the first process of a container.")
final class KillCommand implements Callable<Integer> {
  @ParentCommand private @Nullable RuntimeCli parent;

  @Option(
      names = {"-a", "--all"},
      description = "signal every process of the container")
  private boolean all;

  @Parameters(index = "0", paramLabel = "ID")
  private String id = "";

  @Parameters(
      index = "1",
      paramLabel = "SIGNAL",
      defaultValue = "SIGTERM",
      description = "TERM, SIGTERM or 15 (default: ${DEFAULT-VALUE})")
  private String signal = "SIGTERM";

  @Override
  public Integer call() throws Exception {
    int number = Signals.parse(signal);
    return java.util.Objects.requireNonNull(parent)
        .withTask(
            id,
            task -> {
              if (!task.kill(number, all)) {
                throw new BerthException(
                    BerthException.Kind.FAILED_PRECONDITION, "container " + id + ": not running");
              }
              return 0;
            });
  }
}
