package dev.berth.runtime.cli;

import dev.berth.runtime.plan.CgroupEntry;
import dev.berth.runtime.plan.ContainerPlan;
import dev.berth.runtime.plan.LaunchInput;
import dev.berth.runtime.plan.Stdio;
import dev.berth.runtime.spec.ContainerProcess;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.Set;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Prints what a bundle's container would be made of; needs no privilege and calls nothing. */
@Command(name = "plan", description = "Prints the launch plan of a bundle like a trace.")
final class PlanCommand implements Callable<Integer> {
  @Parameters(paramLabel = "BUNDLE", description = "directory with a config.json")
  private Path bundle = Path.of(".");

  @Spec private CommandSpec command = CommandSpec.create();

  @Override
  public Integer call() {
    Bundle read = Bundle.read(bundle);
    ContainerProcess process = read.spec().process();
    boolean terminal = process != null && process.terminal();
    LaunchInput input =
        new LaunchInput(
            "plan",
            read.spec(),
            read.rootfs(),
            new CgroupEntry.None(),
            terminal ? new Stdio.Terminal(0, 0) : new Stdio.Passed(),
            null,
            Set.of());
    PrintWriter out = command.commandLine().getOut();
    out.print(ContainerPlan.compile(input).print());
    out.flush();
    return 0;
  }
}
