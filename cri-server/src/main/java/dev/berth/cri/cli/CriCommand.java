package dev.berth.cri.cli;

import java.io.PrintWriter;
import java.util.concurrent.Callable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/** A subcommand that talks to the runtime. */
abstract class CriCommand implements Callable<Integer> {
  static final int OK = 0;

  @Spec private CommandSpec spec = CommandSpec.create();
  @ParentCommand private BerthCli berth = new BerthCli();

  /** Does the work and returns the exit code. */
  abstract int run(CriClient cri) throws Exception;

  @Override
  public final Integer call() throws Exception {
    try (CriClient cri = berth.connect()) {
      return run(cri);
    } finally {
      out().flush();
    }
  }

  final BerthCli berth() {
    return berth;
  }

  final PrintWriter out() {
    return spec.commandLine().getOut();
  }

  final PrintWriter err() {
    return spec.commandLine().getErr();
  }
}
