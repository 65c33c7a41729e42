package dev.berth.cri.cli;

import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/** {@code berth registry}. */
@Command(
    name = "registry",
    description = "Looks at registries.",
    subcommands = {ExplainCommand.class})
final class RegistryCommand implements Runnable {
  @Spec private CommandSpec spec = CommandSpec.create();
  @ParentCommand private BerthCli berth = new BerthCli();

  BerthCli berth() {
    return berth;
  }

  @Override
  public void run() {
    throw new ParameterException(spec.commandLine(), "a command is needed: explain");
  }
}
