package dev.berth.cri.cli;

import dev.berth.cri.config.DefaultConfig;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code berth config}. */
@Command(name = "config", description = "Helps to configure berthd.")
final class ConfigCommand implements Runnable {
  @Spec private CommandSpec spec = CommandSpec.create();

  @Command(
      name = "default",
      description = "Prints every setting with its meaning and default, as a file to edit.")
  void printDefault() {
    spec.commandLine().getOut().print(DefaultConfig.text());
    spec.commandLine().getOut().flush();
  }

  @Override
  public void run() {
    throw new ParameterException(spec.commandLine(), "a command is needed: default");
  }
}
