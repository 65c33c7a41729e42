package dev.berth.runtime.cli;

import dev.berth.base.BerthException;
import dev.berth.runtime.Signals;
import dev.berth.runtime.cgroup.Cgroup;
import dev.berth.runtime.task.Task;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Sends a signal to a container. A paused one that is to die is resumed for that. */
@Command(name = "kill", description = "Sends a signal to the first process of a container.")
final class KillCommand extends ContainerCommand {
  private static final int SIGKILL = 9;

  @Option(
      names = {"-a", "--all"},
      description = "signal every process of the container")
  private boolean all;

  @Parameters(
      index = "1",
      paramLabel = "SIGNAL",
      defaultValue = "SIGTERM",
      description = "TERM, SIGTERM or 15 (default: ${DEFAULT-VALUE})")
  private String signal = "SIGTERM";

  @Override
  int with(Task task) {
    int number = Signals.parse(signal);
    if (!task.kill(number, all) && !all) { // whose cgroup may have had something left in it
      throw new BerthException(
          BerthException.Kind.FAILED_PRECONDITION,
          "container not running: " + id() + " has ended"); // containerd's shim looks for this
    }
    if (number == SIGKILL) {
      task.cgroup().filter(Cgroup::isFrozen).ifPresent(Cgroup::thaw);
    }
    return 0;
  }
}
