package dev.berth.cri.cli;

import dev.berth.proto.berth.v1.ShimProgram;
import dev.berth.proto.berth.v1.UpgradeShimRequest;
import dev.berth.proto.berth.v1.UpgradeShimResponse;
import java.io.PrintWriter;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/** {@code berth shim upgrade}. */
@Command(
    name = "upgrade",
    description = {
      "Replaces the running shim by the one that is installed now; no container ends.",
      "Attached clients and streamed commands go on. A probe or another short command in progress is",
      "waited for, for ten seconds, and then fails."
    })
final class UpgradeCommand implements Callable<Integer> {
  @Parameters(
      arity = "0..1",
      paramLabel = "HANDLER",
      description = "runtime handler (default: the default one)")
  private String handler = "";

  @ParentCommand private ShimCommand parent = new ShimCommand();
  @Spec private CommandSpec spec = CommandSpec.create();

  @Override
  public Integer call() {
    try (CriClient cri = parent.berth().connect()) {
      UpgradeShimResponse done =
          cri.shims().upgradeShim(UpgradeShimRequest.newBuilder().setHandler(handler).build());
      PrintWriter out = spec.commandLine().getOut();
      out.printf(
          "%s: %s -> %s%n", done.getHandler(), text(done.getBefore()), text(done.getAfter()));
      out.flush();
    }
    return CommandLine.ExitCode.OK;
  }

  private static String text(ShimProgram shim) {
    String version = shim.getVersion().isEmpty() ? "unknown" : shim.getVersion();
    return "version %s, pid %d".formatted(version, shim.getPid());
  }
}
