package dev.berth.e2e;

import dev.berth.base.AtomicFiles;
import dev.berth.proto.cri.v1.CheckpointContainerRequest;
import dev.berth.proto.cri.v1.Container;
import dev.berth.proto.cri.v1.ContainerConfig;
import dev.berth.proto.cri.v1.ContainerFilter;
import dev.berth.proto.cri.v1.ContainerMetadata;
import dev.berth.proto.cri.v1.ContainerState;
import dev.berth.proto.cri.v1.ContainerStatus;
import dev.berth.proto.cri.v1.ContainerStatusRequest;
import dev.berth.proto.cri.v1.CreateContainerRequest;
import dev.berth.proto.cri.v1.ExecRequest;
import dev.berth.proto.cri.v1.ExecSyncRequest;
import dev.berth.proto.cri.v1.ExecSyncResponse;
import dev.berth.proto.cri.v1.ImageSpec;
import dev.berth.proto.cri.v1.LinuxContainerConfig;
import dev.berth.proto.cri.v1.LinuxContainerResources;
import dev.berth.proto.cri.v1.LinuxContainerSecurityContext;
import dev.berth.proto.cri.v1.LinuxPodSandboxConfig;
import dev.berth.proto.cri.v1.LinuxSandboxSecurityContext;
import dev.berth.proto.cri.v1.ListContainersRequest;
import dev.berth.proto.cri.v1.ListPodSandboxRequest;
import dev.berth.proto.cri.v1.NamespaceMode;
import dev.berth.proto.cri.v1.NamespaceOption;
import dev.berth.proto.cri.v1.PodSandbox;
import dev.berth.proto.cri.v1.PodSandboxConfig;
import dev.berth.proto.cri.v1.PodSandboxMetadata;
import dev.berth.proto.cri.v1.PullImageRequest;
import dev.berth.proto.cri.v1.RemoveContainerRequest;
import dev.berth.proto.cri.v1.RemoveImageRequest;
import dev.berth.proto.cri.v1.RemovePodSandboxRequest;
import dev.berth.proto.cri.v1.RunPodSandboxRequest;
import dev.berth.proto.cri.v1.SecurityProfile;
import dev.berth.proto.cri.v1.StartContainerRequest;
import dev.berth.proto.cri.v1.StopContainerRequest;
import dev.berth.proto.cri.v1.StopPodSandboxRequest;
import dev.berth.proto.cri.v1.UpdateContainerResourcesRequest;
import dev.berth.testing.Await;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

/** What a kubelet does with one node, in the fewest words. */
record Pods(CriServer node) {
  private static final NamespaceOption NAMESPACES =
      NamespaceOption.newBuilder().setPid(NamespaceMode.CONTAINER).build();

  /** Pulls an image and returns its id. */
  String pull(String reference) {
    return node.images()
        .pullImage(
            PullImageRequest.newBuilder()
                .setImage(ImageSpec.newBuilder().setImage(reference))
                .build())
        .getImageRef();
  }

  void removeImage(String reference) {
    node.images()
        .removeImage(
            RemoveImageRequest.newBuilder()
                .setImage(ImageSpec.newBuilder().setImage(reference))
                .build());
  }

  /** Uses once whatever a node starts or opens at first use, and then keeps: the shim, say. */
  void warmUp(String imageId) throws IOException {
    PodSandboxConfig config = configWithPause("warm-up");
    String pod = run(config);
    String id = launch(pod, config, shell("main", imageId, "sleep 1000"));
    ExecSyncResponse _ = exec(id, 10, "true");
    remove(pod);
    AtomicFiles.deleteTree(Path.of(config.getLogDirectory()));
  }

  /** Returns the configuration of a plain pod whose logs go below the node's. */
  PodSandboxConfig config(String name) {
    return PodSandboxConfig.newBuilder()
        .setMetadata(
            PodSandboxMetadata.newBuilder().setName(name).setNamespace("e2e").setUid("uid-" + name))
        .setHostname(name)
        .setLogDirectory(node.logDirectory().resolve(name).toString())
        .setLinux(
            LinuxPodSandboxConfig.newBuilder()
                .setSecurityContext(
                    LinuxSandboxSecurityContext.newBuilder()
                        .setNamespaceOptions(NAMESPACES)
                        .setSeccomp(SecurityProfile.getDefaultInstance())))
        .build();
  }

  /** Returns such a configuration of a pod whose containers share one pid namespace. */
  PodSandboxConfig configWithPause(String name) {
    PodSandboxConfig plain = config(name);
    LinuxPodSandboxConfig.Builder linux = plain.getLinux().toBuilder();
    linux.getSecurityContextBuilder().getNamespaceOptionsBuilder().setPid(NamespaceMode.POD);
    return plain.toBuilder().setLinux(linux).build();
  }

  /** Runs a pod and returns its id. */
  String run(PodSandboxConfig config) throws IOException {
    Files.createDirectories(Path.of(config.getLogDirectory()));
    return node.runtime()
        .runPodSandbox(RunPodSandboxRequest.newBuilder().setConfig(config).build())
        .getPodSandboxId();
  }

  /** Returns the configuration of a plain container that runs a line of shell. */
  static ContainerConfig shell(String name, String imageId, String script) {
    return ContainerConfig.newBuilder()
        .setMetadata(ContainerMetadata.newBuilder().setName(name))
        .setImage(ImageSpec.newBuilder().setImage(imageId))
        .addAllCommand(List.of("/bin/sh", "-c", script))
        .setLogPath(name + ".log")
        .setLinux(
            LinuxContainerConfig.newBuilder()
                .setSecurityContext(
                    LinuxContainerSecurityContext.newBuilder()
                        .setNamespaceOptions(NAMESPACES)
                        .setSeccomp(SecurityProfile.getDefaultInstance())))
        .build();
  }

  /** Creates a container and returns its id. */
  String create(String podId, PodSandboxConfig pod, ContainerConfig container) {
    return node.runtime()
        .createContainer(
            CreateContainerRequest.newBuilder()
                .setPodSandboxId(podId)
                .setConfig(container)
                .setSandboxConfig(pod)
                .build())
        .getContainerId();
  }

  void start(String containerId) {
    node.runtime()
        .startContainer(StartContainerRequest.newBuilder().setContainerId(containerId).build());
  }

  /** Creates and starts a container and returns its id. */
  String launch(String podId, PodSandboxConfig pod, ContainerConfig container) {
    String id = create(podId, pod, container);
    start(id);
    return id;
  }

  ContainerStatus status(String containerId) {
    return node.runtime()
        .containerStatus(ContainerStatusRequest.newBuilder().setContainerId(containerId).build())
        .getStatus();
  }

  /** Waits for the end of a container and returns its last status. */
  ContainerStatus awaitExit(String containerId) {
    Await.until(
        "container " + containerId + " has ended",
        Duration.ofSeconds(20),
        () -> status(containerId).getState() == ContainerState.CONTAINER_EXITED);
    return status(containerId);
  }

  ExecSyncResponse exec(String containerId, int timeoutSeconds, String... command) {
    return node.runtime()
        .execSync(
            ExecSyncRequest.newBuilder()
                .setContainerId(containerId)
                .addAllCmd(List.of(command))
                .setTimeout(timeoutSeconds)
                .build());
  }

  /** Returns the URL where a command's outputs can be had. */
  String execUrl(String containerId, String... command) {
    var request =
        ExecRequest.newBuilder()
            .setContainerId(containerId)
            .addAllCmd(List.of(command))
            .setStdout(true)
            .setStderr(true);
    return node.runtime().exec(request.build()).getUrl();
  }

  void limitMemory(String containerId, long bytes) {
    var limits = LinuxContainerResources.newBuilder().setMemoryLimitInBytes(bytes);
    var request =
        UpdateContainerResourcesRequest.newBuilder().setContainerId(containerId).setLinux(limits);
    var _ = node.runtime().updateContainerResources(request.build());
  }

  /** Checkpoints a container into an archive. */
  void checkpoint(String containerId, Path archive) {
    var request =
        CheckpointContainerRequest.newBuilder()
            .setContainerId(containerId)
            .setLocation(archive.toString());
    var _ = node.runtime().checkpointContainer(request.build());
  }

  void stopContainer(String containerId, int timeoutSeconds) {
    node.runtime()
        .stopContainer(
            StopContainerRequest.newBuilder()
                .setContainerId(containerId)
                .setTimeout(timeoutSeconds)
                .build());
  }

  void removeContainer(String containerId) {
    node.runtime()
        .removeContainer(RemoveContainerRequest.newBuilder().setContainerId(containerId).build());
  }

  void stop(String podId) {
    node.runtime()
        .stopPodSandbox(StopPodSandboxRequest.newBuilder().setPodSandboxId(podId).build());
  }

  void remove(String podId) {
    node.runtime()
        .removePodSandbox(RemovePodSandboxRequest.newBuilder().setPodSandboxId(podId).build());
  }

  /** Returns the ids of all pods. */
  List<String> list() {
    return node
        .runtime()
        .listPodSandbox(ListPodSandboxRequest.getDefaultInstance())
        .getItemsList()
        .stream()
        .map(PodSandbox::getId)
        .toList();
  }

  /** Returns the ids of a pod's containers. */
  List<String> containersOf(String podId) {
    var filter = ContainerFilter.newBuilder().setPodSandboxId(podId);
    return node
        .runtime()
        .listContainers(ListContainersRequest.newBuilder().setFilter(filter).build())
        .getContainersList()
        .stream()
        .map(Container::getId)
        .toList();
  }

  /**
   * How a container ended, and what it said.
   *
   * @param stdout the lines, each with its newline
   */
  record Ended(int exitCode, String stdout, String stderr) {}

  /** Runs a container to its end, and removes it with its log. */
  Ended runToEnd(String podId, PodSandboxConfig pod, ContainerConfig container) throws IOException {
    String id = launch(podId, pod, container);
    try {
      ContainerStatus end = awaitExit(id);
      return new Ended(end.getExitCode(), text(id, "stdout"), text(id, "stderr"));
    } finally {
      Path log = Path.of(status(id).getLogPath());
      removeContainer(id);
      Files.deleteIfExists(log);
    }
  }

  private String text(String containerId, String stream) throws IOException {
    return String.join("", logText(containerId, stream).stream().map(line -> line + "\n").toList());
  }

  /** Returns the raw lines of a container's CRI log. */
  List<String> log(String containerId) throws IOException {
    return Files.readAllLines(Path.of(status(containerId).getLogPath()));
  }

  /** Returns the contents of log lines of one stream, without time and tag. */
  List<String> logText(String containerId, String stream) throws IOException {
    return log(containerId).stream()
        .map(line -> line.split(" ", 4))
        .filter(parts -> parts[1].equals(stream))
        .map(parts -> parts[3])
        .toList();
  }
}
