package dev.berth.cri.cli;

import dev.berth.proto.cri.v1.ExecSyncRequest;
import dev.berth.proto.cri.v1.ExecSyncResponse;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code berth exec}; its exit code is the command's. */
@Command(name = "exec", description = "Runs a command in a container and prints its output.")
final class ExecCommand extends CriCommand {
  @Option(
      names = "--timeout",
      paramLabel = "SECONDS",
      description = "kill the command after this time (default: none)")
  private long timeoutSeconds;

  @Parameters(index = "0", paramLabel = "CONTAINER", description = "name, pod/name or id")
  private String name = "";

  @Parameters(index = "1..*", arity = "1..*", paramLabel = "COMMAND")
  private List<String> command = List.of();

  @Override
  int run(CriClient cri) throws IOException {
    ExecSyncResponse result =
        cri.runtime(Duration.ofSeconds(timeoutSeconds))
            .execSync(
                ExecSyncRequest.newBuilder()
                    .setContainerId(Lookup.of(cri).container(name).getId())
                    .addAllCmd(command)
                    .setTimeout(timeoutSeconds)
                    .build());
    result.getStdout().writeTo(System.out);
    System.out.flush();
    result.getStderr().writeTo(System.err);
    System.err.flush();
    return result.getExitCode();
  }
}
