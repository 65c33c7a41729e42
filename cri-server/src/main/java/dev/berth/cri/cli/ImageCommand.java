package dev.berth.cri.cli;

import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/** {@code berth image}. */
@Command(
    name = "image",
    description = "Looks after images.",
    subcommands = {VerifyCommand.class})
final class ImageCommand implements Runnable {
  @Spec private CommandSpec spec = CommandSpec.create();
  @ParentCommand private BerthCli berth = new BerthCli();

  BerthCli berth() {
    return berth;
  }

  @Override
  public void run() {
    throw new ParameterException(spec.commandLine(), "a command is needed: verify");
  }
}
