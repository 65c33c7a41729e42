import dev.berth.cri.rpc.CriChannel;
import dev.berth.proto.cri.v1.*;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.UUID;

/**
 * Measures CRI servers side by side; see bench/run, which starts it. The servers take turns, round
 * by round, on one machine with one image, so that what is printed can be compared as ratios.
 */
class Bench {
  private static final int EXECS_PER_POD = 5;

  /** One server under measurement and what was measured of it, in milliseconds. */
  private record Server(String name, CriChannel channel, Map<String, List<Double>> millis) {
    List<Double> podUp() {
      return of("pod up");
    }

    List<Double> exec() {
      return of("ExecSync true");
    }

    List<Double> podDown() {
      return of("pod down");
    }

    List<Double> of(String what) {
      return millis.computeIfAbsent(what, unused -> new ArrayList<>());
    }

    RuntimeServiceGrpc.RuntimeServiceBlockingStub runtime() {
      return RuntimeServiceGrpc.newBlockingStub(channel.channel());
    }

    ImageServiceGrpc.ImageServiceBlockingStub images() {
      return ImageServiceGrpc.newBlockingStub(channel.channel());
    }
  }

  /** A pod with one running container. */
  private record Pod(String id, String containerId) {}

  public static void main(String[] arguments) throws Exception {
    String command = arguments[0];
    String image = arguments[1];
    int pods = Integer.parseInt(arguments[2]);
    Path logs = Path.of(arguments[3]);
    List<Server> servers = new ArrayList<>();
    for (String nameAndSocket : Arrays.copyOfRange(arguments, 4, arguments.length)) {
      String[] parts = nameAndSocket.split("=", 2);
      servers.add(new Server(parts[0], CriChannel.to(Path.of(parts[1])), new LinkedHashMap<>()));
    }
    switch (command) {
      case "latency" -> latency(servers, image, pods, logs);
      case "fill" -> fill(servers.getFirst(), image, pods, logs);
      case "clear" -> clear(servers.getFirst());
      case "list" -> list(servers.getFirst(), pods);
      case "lists" -> lists(servers, pods);
      default -> throw new IllegalArgumentException(command);
    }
    servers.forEach(server -> server.channel().close());
  }

  private static void latency(List<Server> servers, String image, int pods, Path logs)
      throws Exception {
    int rounds = 4;
    for (Server server : servers) {
      version(server);
      for (int i = 0; i < 10; i++) { // warms up: pulls, loads classes, fills caches
        remove(server, up(server, image, logs));
      }
      server.millis().clear();
    }
    for (int round = 0; round < rounds; round++) {
      for (Server server : servers) {
        for (int i = 0; i < pods / rounds; i++) {
          Pod pod = measured(server.podUp(), () -> up(server, image, logs));
          for (int j = 0; j < EXECS_PER_POD; j++) {
            measured(server.exec(), () -> exec(server, pod));
          }
          measured(server.podDown(), () -> remove(server, pod));
        }
      }
    }
    for (Server server : servers) {
      server.millis().forEach((what, millis) -> print(server, what, millis));
    }
    if (servers.size() > 1) {
      Server own = servers.get(0);
      Server peer = servers.get(1);
      System.out.printf(Locale.ROOT, "ratio of p50, %s to %s: pod up %.2f, ExecSync %.2f, pod down %.2f%n",
          own.name(), peer.name(), percentile(own.podUp(), 50) / percentile(peer.podUp(), 50),
          percentile(own.exec(), 50) / percentile(peer.exec(), 50),
          percentile(own.podDown(), 50) / percentile(peer.podDown(), 50));
    }
  }

  /** In cgroups of their own, as a kubelet has it: containerd has no stats of others. */
  private static void fill(Server server, String image, int pods, Path logs) throws Exception {
    String cgroups = "/" + logs.getParent().getFileName() + "-pods/" + server.name() + "/pod";
    for (int i = 0; i < pods; i++) {
      up(server, image, logs, cgroups + i);
    }
  }

  private static void clear(Server server) throws Exception {
    var pods = server.runtime().listPodSandbox(ListPodSandboxRequest.getDefaultInstance());
    for (PodSandbox pod : pods.getItemsList()) {
      if (pod.getMetadata().getNamespace().equals("bench")) {
        remove(server, new Pod(pod.getId(), ""));
      }
    }
  }

  /** What a kubelet asks all the time; memory is to be measured after this. */
  private static void list(Server server, int rounds) {
    for (int i = 0; i < rounds; i++) {
      server.runtime().listPodSandbox(ListPodSandboxRequest.getDefaultInstance());
      server.runtime().listContainers(ListContainersRequest.getDefaultInstance());
      server.runtime().listContainerStats(ListContainerStatsRequest.getDefaultInstance());
      server.runtime().listPodSandboxStats(ListPodSandboxStatsRequest.getDefaultInstance());
      server.images().imageFsInfo(ImageFsInfoRequest.getDefaultInstance());
    }
  }

  /** How fast the lists are that a kubelet asks for, of as many pods as there are. */
  private static void lists(List<Server> servers, int pods) throws Exception {
    int rounds = 8;
    int callsPerRound = 5;
    for (int i = 0; i < 30; i++) { // warms up: this client too, which else is what is measured
      for (Server server : servers) {
        listsOf(server, pods);
      }
    }
    servers.forEach(server -> server.millis().clear());
    for (int round = 0; round < rounds; round++) {
      for (Server server : servers) {
        for (int i = 0; i < callsPerRound; i++) {
          listsOf(server, pods);
        }
      }
    }
    for (Server server : servers) {
      server.millis().forEach((what, millis) -> print(server, what, millis));
    }
    if (servers.size() > 1) {
      for (String what : servers.getFirst().millis().keySet()) {
        double own = percentile(servers.get(0).of(what), 50);
        double peer = percentile(servers.get(1).of(what), 50);
        System.out.printf(Locale.ROOT, "ratio of p50, %s to %s: %s %.3f (%.1f times as fast)%n",
            servers.get(0).name(), servers.get(1).name(), what, own / peer, peer / own);
      }
    }
  }

  /** Other pods may be listed too, but none of ours may be missing. */
  private static void listsOf(Server server, int pods) throws Exception {
    var runtime = server.runtime();
    require(pods, measured(server.of("ListPodSandbox"),
        () -> runtime.listPodSandbox(ListPodSandboxRequest.getDefaultInstance())).getItemsCount());
    require(pods, measured(server.of("ListContainers"),
        () -> runtime.listContainers(ListContainersRequest.getDefaultInstance())).getContainersCount());
    require(pods, measured(server.of("ListContainerStats"),
        () -> runtime.listContainerStats(ListContainerStatsRequest.getDefaultInstance())).getStatsCount());
    require(pods, measured(server.of("ListPodSandboxStats"),
        () -> runtime.listPodSandboxStats(ListPodSandboxStatsRequest.getDefaultInstance())).getStatsCount());
  }

  private static void require(int least, int count) {
    if (count < least) {
      throw new IllegalStateException("listed " + count + " of " + least);
    }
  }

  private static void version(Server server) {
    var version = server.runtime().version(VersionRequest.getDefaultInstance());
    System.out.printf("%s: %s %s%n", server.name(), version.getRuntimeName(), version.getRuntimeVersion());
  }

  private interface Step<T> {
    T run() throws Exception;
  }

  private static <T> T measured(List<Double> into, Step<T> step) throws Exception {
    long start = System.nanoTime();
    T result = step.run();
    into.add((System.nanoTime() - start) / 1e6);
    return result;
  }

  private static Pod up(Server server, String image, Path logs) throws Exception {
    return up(server, image, logs, "");
  }

  private static Pod up(Server server, String image, Path logs, String cgroup) throws Exception {
    String uid = UUID.randomUUID().toString();
    Path directory = Files.createDirectories(logs.resolve(uid));
    var config = PodSandboxConfig.newBuilder()
        .setMetadata(PodSandboxMetadata.newBuilder().setName("b" + uid).setNamespace("bench").setUid(uid))
        .setHostname("bench")
        .setLogDirectory(directory.toString())
        .setLinux(LinuxPodSandboxConfig.newBuilder()
            .setCgroupParent(cgroup)
            .setSecurityContext(LinuxSandboxSecurityContext.newBuilder().setNamespaceOptions(
                NamespaceOption.newBuilder().setPid(NamespaceMode.CONTAINER))))
        .build();
    String id = measured(server.of("  run"), () -> server.runtime()
        .runPodSandbox(RunPodSandboxRequest.newBuilder().setConfig(config).build())).getPodSandboxId();
    var container = ContainerConfig.newBuilder()
        .setMetadata(ContainerMetadata.newBuilder().setName("main"))
        .setImage(ImageSpec.newBuilder().setImage(imageId(server, image)))
        .addAllCommand(List.of("sleep", "100000"))
        .setLogPath("main.log")
        .setLinux(LinuxContainerConfig.newBuilder()
            .setSecurityContext(LinuxContainerSecurityContext.newBuilder().setNamespaceOptions(
                NamespaceOption.newBuilder().setPid(NamespaceMode.CONTAINER))))
        .build();
    String containerId = measured(server.of("  create"), () -> server.runtime().createContainer(
        CreateContainerRequest.newBuilder()
            .setPodSandboxId(id).setConfig(container).setSandboxConfig(config).build())).getContainerId();
    measured(server.of("  start"), () -> server.runtime().startContainer(
        StartContainerRequest.newBuilder().setContainerId(containerId).build()));
    return new Pod(id, containerId);
  }

  private static String imageId(Server server, String image) {
    var spec = ImageSpec.newBuilder().setImage(image).build();
    var status = server.images().imageStatus(ImageStatusRequest.newBuilder().setImage(spec).build());
    return status.hasImage()
        ? status.getImage().getId()
        : server.images().pullImage(PullImageRequest.newBuilder().setImage(spec).build()).getImageRef();
  }

  private static ExecSyncResponse exec(Server server, Pod pod) {
    return server.runtime().execSync(ExecSyncRequest.newBuilder()
        .setContainerId(pod.containerId()).addCmd("true").setTimeout(30).build());
  }

  private static Pod remove(Server server, Pod pod) throws Exception {
    measured(server.of("  stop"), () -> server.runtime().stopPodSandbox(
        StopPodSandboxRequest.newBuilder().setPodSandboxId(pod.id()).build()));
    measured(server.of("  remove"), () -> server.runtime().removePodSandbox(
        RemovePodSandboxRequest.newBuilder().setPodSandboxId(pod.id()).build()));
    return pod;
  }

  private static void print(Server server, String what, List<Double> millis) {
    System.out.printf(Locale.ROOT, "%-12s %-14s n=%d p50 %.1f ms, p99 %.1f ms%n",
        server.name(), what, millis.size(), percentile(millis, 50), percentile(millis, 99));
  }

  private static double percentile(List<Double> values, int percent) {
    List<Double> sorted = values.stream().sorted().toList();
    return sorted.get(Math.min(sorted.size() - 1, (int) Math.ceil(sorted.size() * percent / 100.0) - 1));
  }
}
