package dev.berth.sandbox;

import static org.assertj.core.api.Assertions.assertThat;

import dev.berth.base.MetadataStore;
import dev.berth.base.Operation;
import dev.berth.proto.cri.v1.ContainerConfig;
import dev.berth.proto.cri.v1.ContainerMetadata;
import dev.berth.proto.cri.v1.ImageSpec;
import dev.berth.proto.cri.v1.NamespaceMode;
import dev.berth.proto.cri.v1.NamespaceOption;
import dev.berth.proto.cri.v1.PodSandboxConfig;
import dev.berth.proto.cri.v1.PodSandboxMetadata;
import dev.berth.runtime.cgroup.Cgroup;
import dev.berth.runtime.cgroup.CgroupPath;
import dev.berth.runtime.cgroup.Cgroups;
import dev.berth.runtime.seccomp.DefaultSeccompProfile;
import dev.berth.runtime.systemd.Systemd;
import dev.berth.sandbox.cni.TestNetwork;
import dev.berth.sandbox.net.BridgeSettings;
import dev.berth.sandbox.net.Subnet;
import dev.berth.sandbox.nri.NriSettings;
import dev.berth.testing.Await;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;

/**
 * A small node: a sandbox manager, an image of busybox and a pod network that leaves the host
 * alone.
 *
 * <p>Its handlers are {@code berth}, with the shim of this build run from the class path, and
 * {@code runc}, with Debian's containerd-shim-runc-v2 and runc, with and without a task for the
 * pod: what holds for all is true of the manager.
 */
final class TestNode implements AutoCloseable {
  private static final String INSTANCE = "berth-test";

  private static final AtomicInteger SEQUENCE = new AtomicInteger();

  final Path directory;
  final String cgroup;
  final DirectoryImages images;
  final TestNetwork network;
  final Path logs;
  MetadataStore store;
  SandboxManager manager;

  /** How long a shim may take for an answer before it is asked again, from the next open on. */
  Duration shimLimit = Duration.ofSeconds(10);

  private final String handler;
  private final CgroupDriver driver;
  private final Optional<NriSettings> nri;

  /**
   * @param directory an empty directory
   * @param handler name of the handler that pods get
   */
  TestNode(Path directory, String handler) throws Exception {
    this(directory, handler, CgroupDriver.CGROUPFS, Optional.empty());
  }

  /**
   * @param driver who makes cgroups
   */
  TestNode(Path directory, String handler, CgroupDriver driver) throws Exception {
    this(directory, handler, driver, Optional.empty());
  }

  /**
   * @param nri where plugins connect
   */
  TestNode(Path directory, String handler, Optional<NriSettings> nri) throws Exception {
    this(directory, handler, CgroupDriver.CGROUPFS, nri);
  }

  private TestNode(Path directory, String handler, CgroupDriver driver, Optional<NriSettings> nri)
      throws Exception {
    this.directory = directory;
    this.handler = handler;
    this.driver = driver;
    this.cgroup = uniqueCgroup(driver);
    this.nri = nri;
    this.logs = Files.createDirectories(directory.resolve("logs"));
    this.images = new DirectoryImages(Files.createDirectories(directory.resolve("images")));
    this.network = new TestNetwork(Files.createDirectories(directory.resolve("cni")));
    Files.createDirectories(directory.resolve("root"));
    writeShimLauncher();
    open();
  }

  private static String uniqueCgroup(CgroupDriver driver) {
    String number = ProcessHandle.current().pid() + "n" + SEQUENCE.incrementAndGet();
    return switch (driver) {
      case CGROUPFS -> "/berth-test-" + number;
      case SYSTEMD -> "/berthtest" + number + ".slice";
    };
  }

  /** Starts the manager, as a new process would. */
  void open() throws Exception {
    store = MetadataStore.open(directory.resolve("meta"));
    var profile = new DefaultSeccompProfile();
    manager =
        new SandboxManager(settings(), store, images, profile::forCapabilities, Clock.systemUTC());
    if (!manager.awaitRecovery(Duration.ofSeconds(30))) {
      throw new AssertionError("no recovery within 30 s");
    }
  }

  /** Lets go of everything as a killed process would: nothing is stopped. */
  void shutDown() {
    manager.close();
    store.close();
  }

  private SandboxSettings settings() {
    return new SandboxSettings(
        directory.resolve("root"),
        directory.resolve("state"),
        INSTANCE,
        Map.of(
            "berth",
            new RuntimeHandler("berth", shimLauncher(), Optional.empty(), false),
            "runc",
            new RuntimeHandler(
                "runc",
                Path.of("/usr/bin/containerd-shim-runc-v2"),
                Optional.of(Path.of("/usr/sbin/runc")),
                false),
            "runc with sandbox task",
            new RuntimeHandler(
                "runc with sandbox task",
                Path.of("/usr/bin/containerd-shim-runc-v2"),
                Optional.of(Path.of("/usr/sbin/runc")),
                true)),
        handler,
        new NetworkSettings(
            NetworkSettings.Mode.CNI,
            network.confDir(),
            Map.of(),
            network.settings(Duration.ofSeconds(10)),
            new BridgeSettings("berthtest", List.of(Subnet.parse("10.213.96.0/20")), 1500, false)),
        List.of(directory.resolve("cdi")),
        driver,
        driver == CgroupDriver.SYSTEMD ? cgroup.substring(1) : cgroup,
        berthInit(),
        Optional.empty(),
        shimLimit,
        nri);
  }

  private Path shimLauncher() {
    return directory.resolve("containerd-shim-berth-v2");
  }

  private void writeShimLauncher() throws IOException {
    Files.writeString(
        shimLauncher(),
        """
        #!/bin/sh
        export BERTH_RUN_DIR=%s
        exec %s --enable-native-access=ALL-UNNAMED -XX:+UseSerialGC -XX:TieredStopAtLevel=1 \
          -Xmx64m -Dberth.init=%s -Dberth.shim.idle.seconds=20 -cp %s dev.berth.shim.ShimMain "$@"
        """
            .formatted(
                directory.resolve("run"),
                ProcessHandle.current().info().command().orElseThrow(),
                berthInit(),
                System.getProperty("java.class.path")));
    Files.setPosixFilePermissions(shimLauncher(), PosixFilePermissions.fromString("rwxr-xr-x"));
  }

  /** Where the build has put it. */
  private static Path berthInit() {
    String machine = System.getProperty("os.arch").equals("aarch64") ? "arm64" : "amd64";
    return Path.of(System.getProperty("berth.root.dir"))
        .resolve("runtime-native/target/native")
        .resolve(machine)
        .resolve("berth-init");
  }

  /** Returns the process that has a container as its task. */
  ProcessHandle shimOf(ContainerStatus container) {
    if (handler.startsWith("runc")) {
      return ProcessHandle.of(firstProcess(container.sandboxId(), container.id()))
          .flatMap(ProcessHandle::parent)
          .orElseThrow();
    }
    return servingShims().findFirst().orElseThrow();
  }

  /** Kills Berth's shim, and one that is about to follow it. */
  void killShims() {
    List<ProcessHandle> shims = servingShims().toList();
    shims.forEach(ProcessHandle::destroyForcibly);
    Await.until(
        "the shims are gone",
        Duration.ofSeconds(10),
        () -> shims.stream().noneMatch(ProcessHandle::isAlive));
  }

  /** Ends the pause of a pod. */
  void killPause(SandboxStatus pod) {
    ProcessHandle.of(firstProcess(pod.id(), pod.id())).ifPresent(ProcessHandle::destroyForcibly);
  }

  /** Returns the process in the cgroup of a container, or of a pause. */
  private long firstProcess(String sandboxId, String taskId) {
    Cgroup group =
        Cgroups.detect().at(CgroupPath.parse(cgroup + "/pod" + sandboxId + "/" + taskId));
    return group.pids().getFirst();
  }

  /** Ends a container behind everyone's back, and removes its cgroup: a reboot keeps neither. */
  void killAsARebootWould(ContainerStatus container) {
    int pid = ((ContainerState.Running) container.state()).pid();
    ProcessHandle shim = shimOf(container);
    ProcessHandle.of(pid).ifPresent(ProcessHandle::destroyForcibly);
    shim.destroyForcibly();
    String pod = cgroup.substring(1) + "/pod" + container.sandboxId() + "/" + container.id();
    Await.until(
        "the container's cgroups are gone",
        Duration.ofSeconds(10),
        () -> {
          boolean gone = true;
          for (Path hierarchy : hierarchies()) {
            gone &= isRemoved(hierarchy.resolve(pod));
          }
          return gone;
        });
  }

  /** Of version 1 there are several, of version 2 there is one. */
  private static List<Path> hierarchies() throws IOException {
    Path root = Path.of("/sys/fs/cgroup");
    return Files.exists(root.resolve("cgroup.controllers"))
        ? List.of(root)
        : names(root).stream().map(root::resolve).toList();
  }

  private static boolean isRemoved(Path cgroup) {
    try {
      Files.deleteIfExists(cgroup);
      return true;
    } catch (IOException e) {
      return false; // a process of it is still ending
    }
  }

  private Stream<ProcessHandle> servingShims() {
    return ProcessHandle.allProcesses()
        .filter(process -> {
          String command = read(Path.of("/proc/" + process.pid() + "/cmdline"));
          return command.contains("dev.berth.shim.ShimMain")
              && command.contains(directory.toString());
        });
  }

  Sandboxes sandboxes() {
    return manager.sandboxes();
  }

  Containers containers() {
    return manager.containers();
  }

  PodSandboxConfig.Builder pod(String name) {
    PodSandboxConfig.Builder config =
        PodSandboxConfig.newBuilder()
            .setMetadata(
                PodSandboxMetadata.newBuilder()
                    .setName(name)
                    .setNamespace("test")
                    .setUid("uid-" + name))
            .setHostname(name)
            .setLogDirectory(logs.resolve(name).toString())
            .putLabels("app", name);
    config
        .getLinuxBuilder()
        .getSecurityContextBuilder()
        .setNamespaceOptions(NamespaceOption.newBuilder().setPid(NamespaceMode.CONTAINER));
    return config;
  }

  /** A pod whose containers share one pid namespace, and which therefore has a pause. */
  PodSandboxConfig.Builder podWithPause(String name) {
    PodSandboxConfig.Builder config = pod(name);
    config
        .getLinuxBuilder()
        .getSecurityContextBuilder()
        .getNamespaceOptionsBuilder()
        .setPid(NamespaceMode.POD);
    return config;
  }

  ContainerConfig.Builder container(String name, String... command) {
    ContainerConfig.Builder config =
        ContainerConfig.newBuilder()
            .setMetadata(ContainerMetadata.newBuilder().setName(name))
            .setImage(ImageSpec.newBuilder().setImage(DirectoryImages.BUSYBOX))
            .addAllCommand(List.of(command))
            .setLogPath(name + ".log");
    config
        .getLinuxBuilder()
        .getSecurityContextBuilder()
        .setNamespaceOptions(NamespaceOption.newBuilder().setPid(NamespaceMode.CONTAINER));
    return config;
  }

  SandboxStatus run(PodSandboxConfig.Builder config) {
    return sandboxes().run(config.build(), "", operation("RunPodSandbox"));
  }

  ContainerStatus create(SandboxStatus pod, ContainerConfig.Builder config) {
    return containers()
        .create(pod.id(), config.build(), pod.config(), operation("CreateContainer"));
  }

  ContainerStatus start(SandboxStatus pod, ContainerConfig.Builder config) {
    ContainerStatus created = create(pod, config);
    containers().start(created.id(), operation("StartContainer"));
    return containers().status(created.id());
  }

  void remove(SandboxStatus pod) {
    sandboxes().remove(pod.id(), operation("RemovePodSandbox"));
  }

  String exec(String containerId, String... command) {
    ExecResult result =
        containers()
            .execSync(containerId, List.of(command), Duration.ofSeconds(10), operation("ExecSync"));
    return result.stdout().toStringUtf8() + result.stderr().toStringUtf8();
  }

  static Operation operation(String verb) {
    return Operation.start(verb, Duration.ofSeconds(60), null);
  }

  /** Returns all that pods of this node have left anywhere on the machine. */
  List<String> leftovers() throws IOException {
    Path state = directory.resolve("state");
    return Stream.of(
            lines(Path.of("/proc/self/mountinfo"))
                .filter(line -> line.contains(directory.toString()))
                .map(line -> "mount " + line),
            processes().map(process -> "process " + process),
            cgroups().map(path -> "cgroup " + path),
            names(state.resolve("sandboxes")).stream().map(name -> "sandbox " + name),
            names(state.resolve("tasks")).stream().map(name -> "task " + name),
            names(state.resolve("runc/berth-test")).stream().map(name -> "runc " + name),
            names(directory.resolve("run/shim")).stream()
                .flatMap(one -> taskDirectories(one))
                .map(name -> "shim task " + name),
            images.snapshots().stream().map(name -> "snapshot " + name),
            network.leases().stream().map(name -> "lease " + name),
            network
                .onHost("ip", "-o", "link")
                .lines()
                .filter(line -> line.contains("veth"))
                .map(line -> "link " + line),
            Stream.of("sandboxes", "containers", "shims")
                .flatMap(
                    bucket -> store.all(bucket).keySet().stream().map(key -> bucket + " " + key))
                .filter(record -> !record.equals("shims berth")),
            sandboxes().list(SandboxFilter.ALL).stream().map(pod -> "listed " + pod.id()),
            containers().list(ContainerFilter.ALL).stream().map(one -> "listed " + one.id()))
        .flatMap(all -> all)
        .toList();
  }

  /** Processes that were killed take a moment to be gone. */
  void assertLeft(List<String> expected) throws IOException {
    try {
      Await.until(
          "no more is left than before",
          Duration.ofSeconds(5),
          () -> expected.containsAll(leftovers()));
    } catch (AssertionError e) {
      assertThat(leftovers()).as("left over").isSubsetOf(expected);
      throw e;
    }
  }

  /** Returns the addresses that are given out. */
  List<String> leases() throws IOException {
    return network.leases();
  }

  void assertNothingLeft() throws IOException {
    assertLeft(List.of());
  }

  private Stream<String> taskDirectories(String shim) {
    try {
      return names(directory.resolve("run/shim").resolve(shim).resolve("tasks")).stream();
    } catch (IOException e) {
      return Stream.empty();
    }
  }

  private Stream<String> processes() throws IOException {
    return names(Path.of("/proc")).stream()
        .filter(name -> name.matches("[0-9]+"))
        .filter(pid -> isOurs(Path.of("/proc", pid)))
        .map(pid -> pid + " " + read(Path.of("/proc", pid, "cmdline")).replace('\0', ' '));
  }

  private boolean isOurs(Path process) {
    String command = read(process.resolve("cmdline"));
    return read(process.resolve("cgroup")).contains(cgroup)
        || (command.contains(directory.toString())
            && !command.contains("surefire")
            && !command.contains("ShimMain")); // Berth's stays a while for the next pod
  }

  Stream<String> cgroups() throws IOException {
    List<Path> tops =
        hierarchies().stream()
            .map(hierarchy -> hierarchy.resolve(cgroup.substring(1)))
            .filter(Files::exists)
            .toList();
    return driver == CgroupDriver.SYSTEMD
        ? tops.stream().flatMap(TestNode::slices) // systemd keeps an empty slice
        : tops.stream().map(Path::toString);
  }

  private static Stream<String> slices(Path directory) {
    try {
      return names(directory).stream()
          .filter(name -> name.endsWith(".slice"))
          .map(name -> directory.resolve(name).toString());
    } catch (IOException e) {
      return Stream.empty();
    }
  }

  static List<String> names(Path directory) throws IOException {
    if (!Files.isDirectory(directory)) {
      return List.of();
    }
    try (Stream<Path> entries = Files.list(directory)) {
      return entries.map(entry -> entry.getFileName().toString()).sorted().toList();
    }
  }

  private static Stream<String> lines(Path file) {
    return read(file).lines();
  }

  private static String read(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      return ""; // a process that has ended
    }
  }

  void removeAll() {
    for (SandboxStatus pod : sandboxes().list(SandboxFilter.ALL)) {
      remove(pod);
    }
  }

  @Override
  public void close() throws IOException {
    removeAll();
    shutDown();
    endShims();
    network.close();
    if (driver == CgroupDriver.SYSTEMD) {
      Systemd.ofHost().stop(cgroup.substring(1));
    }
  }

  /** A shim that ends by itself removes its cgroup; one that was killed may have left it. */
  private void endShims() throws IOException {
    List<ProcessHandle> shims = servingShims().toList();
    shims.forEach(ProcessHandle::destroy);
    Await.until(
        "the shims have ended",
        Duration.ofSeconds(10),
        () -> shims.stream().noneMatch(ProcessHandle::isAlive));
    for (Path hierarchy : hierarchies()) {
      var _ = isRemoved(hierarchy.resolve(INSTANCE + "-shim"));
    }
  }
}
