import dev.berth.cri.rpc.CriChannel;
import dev.berth.proto.cri.v1.*;
import io.grpc.StatusRuntimeException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/**
 * Measures CRI servers side by side; see bench/run, which starts it. The servers take turns, round
 * by round, on one machine with one image, so that what is printed can be compared as ratios.
 */
class Bench {
  private static final int EXECS_PER_POD = 5;

  /** How often each call is made before anything counts, so that this client is compiled. */
  private static final int CLIENT_WARM_UP = 400;

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

    synchronized List<Double> of(String what) {
      return millis.computeIfAbsent(what, unused -> new ArrayList<>());
    }

    synchronized void add(String what, double value) {
      of(what).add(value);
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
      case "cycles" -> cycles(servers, image, pods, logs);
      case "teardown" -> teardown(servers, image, pods, logs);
      default -> throw new IllegalArgumentException(command);
    }
    servers.forEach(server -> server.channel().close());
  }

  private static void latency(List<Server> servers, String image, int pods, Path logs)
      throws Exception {
    int rounds = 4;
    for (Server server : servers) {
      version(server);
      warmUp(server, image, logs);
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
    compare(servers, List.of("pod up", "ExecSync true", "pod down"));
  }

  /** Says how many times as fast as the last server, the peer, each other one was at p50. */
  private static void compare(List<Server> servers, Iterable<String> whats) {
    Server peer = servers.getLast();
    for (Server own : servers.subList(0, servers.size() - 1)) {
      for (String what : whats) {
        System.out.printf(Locale.ROOT, "%-12s %-20s %.1f times as fast as %s%n", own.name(), what,
            percentile(peer.of(what), 50) / percentile(own.of(what), 50), peer.name());
      }
    }
  }

  /**
   * Calls that are refused compile this client without work for the server; some whole pods make
   * the server pull the image, load its classes and fill its caches.
   */
  private static void warmUp(Server server, String image, Path logs) throws Exception {
    var runtime = server.runtime();
    for (int i = 0; i < CLIENT_WARM_UP; i++) {
      refused(() -> runtime.runPodSandbox(RunPodSandboxRequest.getDefaultInstance()));
      refused(() -> runtime.createContainer(CreateContainerRequest.newBuilder()
          .setPodSandboxId("none").setConfig(container("none")).build()));
      refused(() -> runtime.startContainer(StartContainerRequest.newBuilder().setContainerId("none").build()));
      refused(() -> runtime.execSync(execOf("none")));
      runtime.stopPodSandbox(StopPodSandboxRequest.newBuilder().setPodSandboxId("none").build());
      runtime.removePodSandbox(RemovePodSandboxRequest.newBuilder().setPodSandboxId("none").build());
    }
    for (int i = 0; i < 20; i++) {
      Pod pod = up(server, image, logs);
      for (int j = 0; j < EXECS_PER_POD; j++) {
        exec(server, pod);
      }
      remove(server, pod);
    }
    server.millis().clear();
  }

  private static void refused(Callable<?> call) throws Exception {
    try {
      call.call();
      throw new IllegalStateException("a call was answered that had to be refused");
    } catch (StatusRuntimeException e) {
      // as it has to be
    }
  }

  /** Whole lives of pods, from RunPodSandbox to RemovePodSandbox, eight at a time. */
  private static void cycles(List<Server> servers, String image, int pods, Path logs)
      throws Exception {
    for (Server server : servers) {
      warmUp(server, image, logs);
    }
    for (int round = 0; round < 2; round++) {
      for (Server server : servers) {
        long start = System.nanoTime();
        atATime(8, pods / 2, i -> remove(server, up(server, image, logs)));
        server.add("cycle", (System.nanoTime() - start) / 1e6 / (pods / 2));
      }
    }
    for (Server server : servers) {
      double millis = server.of("cycle").stream().mapToDouble(v -> v).average().orElseThrow();
      System.out.printf(Locale.ROOT, "%-12s %.1f pod cycles per second, 8 at a time%n", server.name(), 1000 / millis);
    }
    compare(servers, List.of("cycle"));
  }

  /** Many pods that run, stopped and removed four at a time. */
  private static void teardown(List<Server> servers, String image, int pods, Path logs)
      throws Exception {
    for (int round = 0; round < 2; round++) {
      for (Server server : servers) {
        List<Pod> running = atATime(4, pods, i -> up(server, image, logs));
        long start = System.nanoTime();
        atATime(4, pods, i -> remove(server, running.get(i)));
        server.add("teardown", (System.nanoTime() - start) / 1e6);
      }
    }
    for (Server server : servers) {
      System.out.printf(Locale.ROOT, "%-12s stop and remove %d pods, 4 at a time: %.2f s, %.2f s%n",
          server.name(), pods, server.of("teardown").get(0) / 1000, server.of("teardown").get(1) / 1000);
    }
    compare(servers, List.of("teardown"));
  }

  private interface Numbered<T> {
    T run(int number) throws Exception;
  }

  private static <T> List<T> atATime(int width, int count, Numbered<T> work) throws Exception {
    try (var threads = Executors.newFixedThreadPool(width)) {
      List<Future<T>> results = new ArrayList<>();
      for (int i = 0; i < count; i++) {
        int number = i;
        results.add(threads.submit(() -> work.run(number)));
      }
      List<T> done = new ArrayList<>();
      for (Future<T> result : results) {
        done.add(result.get());
      }
      return done;
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
    for (int i = 0; i < 150; i++) { // warms up: this client too, which else is what is measured
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
    compare(servers, servers.getFirst().millis().keySet());
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
    double millis = (System.nanoTime() - start) / 1e6;
    synchronized (into) {
      into.add(millis);
    }
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
    var container = container(imageId(server, image));
    String containerId = measured(server.of("  create"), () -> server.runtime().createContainer(
        CreateContainerRequest.newBuilder()
            .setPodSandboxId(id).setConfig(container).setSandboxConfig(config).build())).getContainerId();
    measured(server.of("  start"), () -> server.runtime().startContainer(
        StartContainerRequest.newBuilder().setContainerId(containerId).build()));
    return new Pod(id, containerId);
  }

  private static ContainerConfig container(String imageId) {
    return ContainerConfig.newBuilder()
        .setMetadata(ContainerMetadata.newBuilder().setName("main"))
        .setImage(ImageSpec.newBuilder().setImage(imageId))
        .addAllCommand(List.of("sleep", "100000"))
        .setLogPath("main.log")
        .setLinux(LinuxContainerConfig.newBuilder()
            .setSecurityContext(LinuxContainerSecurityContext.newBuilder().setNamespaceOptions(
                NamespaceOption.newBuilder().setPid(NamespaceMode.CONTAINER))))
        .build();
  }

  private static String imageId(Server server, String image) {
    var spec = ImageSpec.newBuilder().setImage(image).build();
    var status = server.images().imageStatus(ImageStatusRequest.newBuilder().setImage(spec).build());
    return status.hasImage()
        ? status.getImage().getId()
        : server.images().pullImage(PullImageRequest.newBuilder().setImage(spec).build()).getImageRef();
  }

  private static ExecSyncResponse exec(Server server, Pod pod) {
    ExecSyncResponse response = server.runtime().execSync(execOf(pod.containerId()));
    if (response.getExitCode() != 0) {
      throw new IllegalStateException("true ended with " + response);
    }
    return response;
  }

  private static ExecSyncRequest execOf(String containerId) {
    return ExecSyncRequest.newBuilder()
        .setContainerId(containerId).addCmd("true").setTimeout(30).build();
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
