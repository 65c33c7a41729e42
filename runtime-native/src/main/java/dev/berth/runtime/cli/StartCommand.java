package dev.berth.runtime.cli;

import dev.berth.runtime.task.Task;
import picocli.CommandLine.Command;

/** Runs the program of a created container. */
@Command(name = "start", description = "Runs the program of a created container.")
final class StartCommand extends ContainerCommand {
  @Override
  int with(Task task) {
    task.start();
    return 0;
  }
}
