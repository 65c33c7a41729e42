package dev.berth.cri.cli;

import dev.berth.proto.cri.v1.ContainerState;
import dev.berth.proto.cri.v1.PodSandboxState;
import dev.berth.proto.cri.v1.PodSandboxStatus;
import dev.berth.proto.cri.v1.PodSandboxStatusRequest;
import dev.berth.proto.cri.v1.RemoveContainerRequest;
import dev.berth.proto.cri.v1.RemovePodSandboxRequest;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code berth rm}. */
@Command(name = "rm", description = "Removes containers, or pods with all their containers.")
final class RemoveCommand extends CriCommand {
  @Option(
      names = {"-f", "--force"},
      description = "also what still runs")
  private boolean force;

  @Parameters(
      paramLabel = "NAME",
      arity = "1..*",
      description = "pod, container or pod/container, by name or id")
  private List<String> names = List.of();

  @Override
  int run(CriClient cri) {
    for (String name : names) {
      Target.of(Lookup.of(cri), name).run(pod -> removePod(cri, name, pod), id -> remove(cri, id));
      out().println(name);
    }
    return OK;
  }

  private void removePod(CriClient cri, String name, String sandboxId) {
    PodSandboxStatus pod =
        cri.runtime()
            .podSandboxStatus(
                PodSandboxStatusRequest.newBuilder().setPodSandboxId(sandboxId).build())
            .getStatus();
    if (!force && pod.getState() == PodSandboxState.SANDBOX_READY) {
      throw new CliException("pod " + name + " is ready; stop it first, or use --force");
    }
    removePod(cri, sandboxId);
    try {
      PodLogs.of(berth().logDir(), pod.getMetadata()).delete();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static void removePod(CriClient cri, String sandboxId) {
    cri.runtime()
        .removePodSandbox(RemovePodSandboxRequest.newBuilder().setPodSandboxId(sandboxId).build());
  }

  private void remove(CriClient cri, String containerId) {
    if (!force
        && LogsCommand.status(cri, containerId).getState() == ContainerState.CONTAINER_RUNNING) {
      throw new CliException(
          "container " + Text.shortId(containerId) + " runs; stop it first, or use --force");
    }
    cri.runtime()
        .removeContainer(RemoveContainerRequest.newBuilder().setContainerId(containerId).build());
  }
}
