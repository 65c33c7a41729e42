package dev.berth.cri.cli;

import dev.berth.proto.cri.v1.ContainerConfig;
import dev.berth.proto.cri.v1.CreateContainerRequest;
import dev.berth.proto.cri.v1.ImageSpec;
import dev.berth.proto.cri.v1.ImageStatusRequest;
import dev.berth.proto.cri.v1.PodSandbox;
import dev.berth.proto.cri.v1.PodSandboxConfig;
import dev.berth.proto.cri.v1.PodSandboxMetadata;
import dev.berth.proto.cri.v1.PullImageRequest;
import dev.berth.proto.cri.v1.RunPodSandboxRequest;
import dev.berth.proto.cri.v1.StartContainerRequest;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code berth run}. */
@Command(
    name = "run",
    description = {
      "Runs a container in a pod: a new one, or one made by 'berth run' that is ready.",
      "Without --detach, prints what the container writes; the exit code is the container's."
    })
final class RunCommand extends CriCommand {
  @Option(names = "--name", description = "name of the container (default: from the image)")
  private String name = "";

  @Option(
      names = "--pod",
      description = "name of the pod, made if there is none (default: the container's name)")
  private String podName = "";

  @Option(
      names = {"-d", "--detach"},
      description = "print the container's id and leave it running")
  private boolean detach;

  @Option(names = "--rm", description = "remove the pod when the container has ended")
  private boolean remove;

  @Option(
      names = {"-e", "--env"},
      paramLabel = "NAME=VALUE",
      description = "environment variable")
  private Map<String, String> environment = Map.of();

  @Option(
      names = {"-v", "--volume"},
      paramLabel = "HOST:CONTAINER[:ro]",
      description = "bind mount")
  private List<String> volumes = List.of();

  @Option(
      names = {"-p", "--publish"},
      paramLabel = "HOSTPORT:PORT",
      description = "port of the pod on the host (a new pod only)")
  private List<String> ports = List.of();

  @Option(names = "--host-network", description = "use the host's network (a new pod only)")
  private boolean hostNetwork;

  @Option(names = "--privileged", description = "without protection of the host")
  private boolean privileged;

  @Option(names = "--runtime", paramLabel = "HANDLER", description = "runtime handler")
  private String handler = "";

  @Option(names = "--entrypoint", description = "program instead of the image's")
  private String entrypoint = "";

  @Parameters(index = "0", paramLabel = "IMAGE")
  private String image = "";

  @Parameters(
      index = "1..*",
      arity = "0..*",
      paramLabel = "ARGUMENT",
      description = "instead of the image's command")
  private List<String> arguments = List.of();

  @Override
  int run(CriClient cri) throws IOException {
    String imageId = presentImage(cri);
    Pod pod = pod(cri);
    String id;
    try {
      id = start(cri, pod, imageId);
    } catch (RuntimeException e) {
      if (pod.isNew()) {
        remove(cri, pod);
      }
      throw e;
    }
    if (detach) {
      out().println(id);
      return OK;
    }
    return attend(cri, pod, id);
  }

  /**
   * The pod that the container goes into.
   *
   * @param config as it was, or would have been, run
   */
  private record Pod(String id, PodSandboxConfig config, boolean isNew) {}

  private String presentImage(CriClient cri) {
    ImageSpec spec = ImageSpec.newBuilder().setImage(image).build();
    var status = cri.images().imageStatus(ImageStatusRequest.newBuilder().setImage(spec).build());
    return status.hasImage()
        ? status.getImage().getId()
        : PullCommand.pull(cri, PullImageRequest.newBuilder().setImage(spec).build(), err());
  }

  private String containerName() {
    return name.isEmpty() ? PodConfigs.nameFromImage(image) : name;
  }

  private Pod pod(CriClient cri) throws IOException {
    String wanted = podName.isEmpty() ? containerName() : podName;
    Optional<PodSandbox> ready =
        podName.isEmpty() ? Optional.empty() : PodConfigs.findReady(cri, wanted);
    PodSandboxMetadata metadata =
        ready.map(PodSandbox::getMetadata).orElseGet(() -> PodConfigs.newMetadata(wanted));
    PodLogs logs = PodLogs.of(berth().logDir(), metadata);
    PodSandboxConfig config =
        PodConfigs.sandbox(metadata, logs.directory(), hostNetwork, privileged, ports);
    if (ready.isPresent()) {
      return new Pod(ready.get().getId(), config, false);
    }
    logs.create();
    try {
      return new Pod(runPod(cri, config), config, true);
    } catch (RuntimeException e) {
      logs.delete();
      throw e;
    }
  }

  private String runPod(CriClient cri, PodSandboxConfig config) {
    return cri.runtime()
        .runPodSandbox(
            RunPodSandboxRequest.newBuilder().setConfig(config).setRuntimeHandler(handler).build())
        .getPodSandboxId();
  }

  private String start(CriClient cri, Pod pod, String imageId) {
    ContainerConfig config =
        PodConfigs.container(containerName(), imageId, image, privileged).toBuilder()
            .addAllCommand(entrypoint.isEmpty() ? List.of() : List.of(entrypoint))
            .addAllArgs(arguments)
            .addAllEnvs(PodConfigs.environment(environment))
            .addAllMounts(PodConfigs.mounts(volumes))
            .build();
    String id =
        cri.runtime()
            .createContainer(
                CreateContainerRequest.newBuilder()
                    .setPodSandboxId(pod.id())
                    .setConfig(config)
                    .setSandboxConfig(pod.config())
                    .build())
            .getContainerId();
    cri.runtime().startContainer(StartContainerRequest.newBuilder().setContainerId(id).build());
    return id;
  }

  private int attend(CriClient cri, Pod pod, String id) throws IOException {
    var status = LogsCommand.status(cri, id);
    new LogReader(Path.of(status.getLogPath()), false, System.out, System.err)
        .follow(() -> LogsCommand.hasEnded(cri, id));
    int exitCode = LogsCommand.status(cri, id).getExitCode();
    if (remove) {
      remove(cri, pod);
    }
    return exitCode;
  }

  private void remove(CriClient cri, Pod pod) {
    RemoveCommand.removePod(cri, pod.id());
    try {
      PodLogs.of(berth().logDir(), pod.config().getMetadata()).delete();
    } catch (IOException e) {
      err().println("berth run: cannot delete the logs: " + e);
    }
  }
}
