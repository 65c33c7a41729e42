package dev.berth.runtime.cli;

import dev.berth.runtime.task.Task;
import picocli.CommandLine.Command;

/** Prints the state of a container: runtime-spec, runtime.md "State". */
@Command(name = "state", description = "Prints the state of a container as JSON.")
final class StateCommand extends ContainerCommand {
  @Override
  int with(Task task) {
    printJson(Status.fields(task));
    return 0;
  }
}
