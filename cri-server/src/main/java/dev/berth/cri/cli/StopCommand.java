package dev.berth.cri.cli;

import dev.berth.proto.cri.v1.StopContainerRequest;
import dev.berth.proto.cri.v1.StopPodSandboxRequest;
import java.time.Duration;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code berth stop}. */
@Command(name = "stop", description = "Stops containers, or pods with all their containers.")
final class StopCommand extends CriCommand {
  @Option(
      names = "--timeout",
      paramLabel = "SECONDS",
      description = "time between the stop signal and SIGKILL (default: ${DEFAULT-VALUE})")
  private long timeoutSeconds = 10;

  @Parameters(
      paramLabel = "NAME",
      arity = "1..*",
      description = "pod, container or pod/container, by name or id")
  private List<String> names = List.of();

  @Override
  int run(CriClient cri) {
    for (String name : names) {
      Target.of(Lookup.of(cri), name).run(pod -> stopPod(cri, pod), id -> stop(cri, id));
      out().println(name);
    }
    return OK;
  }

  private void stopPod(CriClient cri, String sandboxId) {
    Lookup.of(cri).containers().stream()
        .filter(container -> container.getPodSandboxId().equals(sandboxId))
        .forEach(container -> stop(cri, container.getId()));
    cri.runtime()
        .stopPodSandbox(StopPodSandboxRequest.newBuilder().setPodSandboxId(sandboxId).build());
  }

  private void stop(CriClient cri, String containerId) {
    cri.runtime(Duration.ofSeconds(timeoutSeconds))
        .stopContainer(
            StopContainerRequest.newBuilder()
                .setContainerId(containerId)
                .setTimeout(timeoutSeconds)
                .build());
  }
}
