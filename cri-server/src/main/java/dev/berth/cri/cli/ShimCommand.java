package dev.berth.cri.cli;

import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/** {@code berth shim}. */
@Command(
    name = "shim",
    description = "Looks after shims.",
    subcommands = {UpgradeCommand.class})
final class ShimCommand implements Runnable {
  @Spec private CommandSpec spec = CommandSpec.create();
  @ParentCommand private BerthCli berth = new BerthCli();

  BerthCli berth() {
    return berth;
  }

  @Override
  public void run() {
    throw new ParameterException(spec.commandLine(), "a command is needed: upgrade");
  }
}
