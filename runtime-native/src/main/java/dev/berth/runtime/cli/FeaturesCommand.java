package dev.berth.runtime.cli;

import java.io.PrintWriter;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** Prints what this runtime can do: runtime-spec, features.md. */
@Command(name = "features", description = "Prints what this runtime can do as JSON.")
final class FeaturesCommand implements Callable<Integer> {
  @Spec private CommandSpec command = CommandSpec.create();

  @Override
  public Integer call() {
    PrintWriter out = command.commandLine().getOut();
    out.println(Features.json());
    out.flush();
    return 0;
  }
}
