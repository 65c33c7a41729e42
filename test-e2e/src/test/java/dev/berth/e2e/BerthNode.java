package dev.berth.e2e;

import static java.util.concurrent.TimeUnit.MILLISECONDS;

import dev.berth.base.AtomicFiles;
import dev.berth.cri.rpc.CriChannel;
import dev.berth.proto.berth.v1.AuditRequest;
import dev.berth.proto.berth.v1.Finding;
import dev.berth.proto.berth.v1.ListOperationsRequest;
import dev.berth.proto.berth.v1.NodeGrpc;
import dev.berth.proto.berth.v1.NodeGrpc.NodeBlockingStub;
import dev.berth.proto.berth.v1.RunningOperation;
import dev.berth.proto.cri.v1.ImageServiceGrpc;
import dev.berth.proto.cri.v1.ImageServiceGrpc.ImageServiceBlockingStub;
import dev.berth.proto.cri.v1.ListPodSandboxRequest;
import dev.berth.proto.cri.v1.PodSandbox;
import dev.berth.proto.cri.v1.RemovePodSandboxRequest;
import dev.berth.proto.cri.v1.RuntimeServiceGrpc;
import dev.berth.proto.cri.v1.RuntimeServiceGrpc.RuntimeServiceBlockingStub;
import dev.berth.testing.Await;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;

/** The built distribution at work: a {@code berthd} process with directories of its own. */
final class BerthNode implements CriServer, AutoCloseable {
  private static final AtomicInteger SEQUENCE = new AtomicInteger();
  private static final Duration PATIENCE = Duration.ofSeconds(30);

  private final String instance;
  private final Path state;
  private final Path root;
  private final Path logs;
  private final PrivateHost host;
  private final List<String> flags;
  private final Map<String, String> environment;
  private List<String> prefix = List.of();
  private volatile Process berthd;
  private volatile CriChannel channel;

  /** Starts a node and waits until it answers. */
  static BerthNode start(Path directory, PrivateHost host, String... flags) throws IOException {
    BerthNode node = new BerthNode(directory, host, List.of(flags), Map.of());
    node.start();
    return node;
  }

  /** Starts a node whose {@code berthd} gets options for its JVM. */
  static BerthNode startWithJvmOptions(Path directory, PrivateHost host, String options)
      throws IOException {
    BerthNode node =
        new BerthNode(directory, host, List.of(), Map.of("BERTH_JVM_OPTIONS", options));
    node.start();
    return node;
  }

  /** Starts a node whose verbs fail where the file says; see {@link Faults}. */
  static BerthNode startWithFaults(Path directory, PrivateHost host, Faults faults, String... flags)
      throws IOException {
    Map<String, String> environment =
        Map.of("BERTH_JVM_OPTIONS", "-Dberth.fault.file=" + faults.file());
    BerthNode node = new BerthNode(directory, host, List.of(flags), environment);
    node.start();
    return node;
  }

  /** Starts a node whose images and records are on another disk than its logs. */
  static BerthNode startOnDisk(Path disk, Path logs, PrivateHost host, String... flags)
      throws IOException {
    BerthNode node = new BerthNode(disk, logs, host, List.of(flags), Map.of());
    node.start();
    return node;
  }

  private BerthNode(
      Path directory, PrivateHost host, List<String> flags, Map<String, String> environment)
      throws IOException {
    this(directory, directory, host, flags, environment);
  }

  private BerthNode(
      Path directory,
      Path logs,
      PrivateHost host,
      List<String> flags,
      Map<String, String> environment)
      throws IOException {
    this.instance = "e" + ProcessHandle.current().pid() + "x" + SEQUENCE.incrementAndGet();
    this.state = Path.of("/run/berth-" + instance); // short: sockets live in it
    this.root = directory.resolve("root-" + instance);
    this.logs = Files.createDirectories(logs.resolve("logs-" + instance));
    this.host = host;
    this.flags = flags;
    this.environment = environment;
  }

  /** Returns the built distribution. */
  static Path distribution() {
    Path home = Path.of(System.getProperty("berth.root.dir"), "cri-server", "target", "berth");
    if (!Files.isExecutable(home.resolve("bin/berthd"))) {
      throw new AssertionError(home + " is missing: run ./mvnw verify, or package cri-server");
    }
    return home;
  }

  /** Starts {@code berthd} again, after {@link #kill} or {@link #terminate}. */
  void start() throws IOException {
    List<String> command = new ArrayList<>(prefix);
    command.addAll(
        List.of(
            distribution().resolve("bin/berthd").toString(),
            "--config=",
            "--root=" + root,
            "--state=" + state,
            "--instance=" + instance,
            "--cni-conf-dir=" + host.confDir(),
            "--cni-bin-dir=" + host.binDir(),
            "--cni-cache-dir=" + host.cacheDir(),
            "--log-level=debug"));
    command.addAll(flags);
    var builder = new ProcessBuilder(command).redirectInput(Path.of("/dev/null").toFile());
    builder.environment().putAll(environment);
    builder.redirectOutput(ProcessBuilder.Redirect.appendTo(log("stdout").toFile()));
    builder.redirectError(ProcessBuilder.Redirect.appendTo(log("stderr").toFile()));
    berthd = builder.start();
    try {
      Await.until(
          "berthd is ready",
          PATIENCE,
          () -> {
            if (!berthd.isAlive()) {
              throw new IllegalStateException("berthd ended");
            }
            return Files.readString(log("stdout")).contains("ready");
          });
    } catch (AssertionError e) {
      berthd.destroyForcibly();
      throw new AssertionError("berthd does not start: " + Files.readString(log("stderr")), e);
    }
    channel = CriChannel.to(socket());
    Files.writeString(log("stdout"), ""); // the next start waits for its own ready line
  }

  /** Starts {@code berthd} again in the network namespace of its host, and from now on there. */
  void moveToHost() throws IOException {
    terminate();
    prefix = host.enter();
    start();
  }

  private Path log(String stream) {
    return logs.resolve("berthd." + stream);
  }

  /** Returns what {@code berthd} has logged since the node was made. */
  String berthdLog() throws IOException {
    return Files.readString(log("stderr"));
  }

  Path socket() {
    return state.resolve("berthd.sock");
  }

  @Override
  public Path logDirectory() {
    return logs;
  }

  /** Returns where sockets and task directories are. */
  Path state() {
    return state;
  }

  /** Returns where Berth's own shim keeps its state. */
  Path shimDirectory() throws IOException {
    try (Stream<Path> directories = Files.list(state.resolve("shim"))) {
      return directories.findFirst().orElseThrow();
    }
  }

  /** Returns where images and records are. */
  Path root() {
    return root;
  }

  String instance() {
    return instance;
  }

  /** Returns what tells the things of this node from everything else on the host. */
  List<String> marks() {
    return List.of(instance, state.toString(), root.toString());
  }

  long berthdPid() {
    return berthd.pid();
  }

  /** Returns the shim's JVM, if one runs. */
  Optional<ProcessHandle> shim() {
    return ProcessHandle.allProcesses()
        .filter(process -> commandLine(process).contains("dev.berth.shim.ShimMain"))
        .filter(process -> commandLine(process).contains(instance))
        .findFirst();
  }

  /** Returns what a process was called with; empty if it has ended. */
  static String commandLine(ProcessHandle process) {
    try {
      return Files.readString(Path.of("/proc", Long.toString(process.pid()), "cmdline"))
          .replace('\0', ' ');
    } catch (IOException e) {
      return ""; // ended meanwhile
    }
  }

  @Override
  public RuntimeServiceBlockingStub runtime() {
    return RuntimeServiceGrpc.newBlockingStub(channel.channel())
        .withDeadlineAfter(PATIENCE.toMillis(), MILLISECONDS);
  }

  @Override
  public ImageServiceBlockingStub images() {
    return ImageServiceGrpc.newBlockingStub(channel.channel())
        .withDeadlineAfter(PATIENCE.toMillis(), MILLISECONDS);
  }

  /** Compares what the node has made with its records; empty if all is well. */
  List<Finding> audit() {
    List<Finding> findings = new ArrayList<>();
    administration()
        .audit(AuditRequest.getDefaultInstance())
        .forEachRemaining(part -> findings.addAll(part.getFindingsList()));
    return findings;
  }

  /** Returns what the node is doing, but for this request. */
  List<RunningOperation> operations() {
    return administration()
        .listOperations(ListOperationsRequest.getDefaultInstance())
        .getOperationsList();
  }

  private NodeBlockingStub administration() {
    return NodeGrpc.newBlockingStub(channel.channel())
        .withDeadlineAfter(PATIENCE.toMillis(), MILLISECONDS);
  }

  /** Runs the {@code berth} command against this node. */
  Command berth(String... arguments) {
    List<String> words = new ArrayList<>();
    words.add(distribution().resolve("bin/berth").toString());
    words.addAll(List.of(arguments));
    return Command.run(
        Map.of(
            "BERTH_SOCKET", socket().toString(),
            "BERTH_LOG_DIR", logs.resolve("pods").toString()),
        words);
  }

  /** Ends {@code berthd} as a crash would. */
  void kill() {
    berthd.destroyForcibly();
    awaitDeath();
  }

  /** Waits for the end of a {@code berthd} that a fault ends. */
  void awaitDeath() {
    Await.until("berthd is gone", PATIENCE, () -> !berthd.isAlive());
    channel.close();
  }

  /** Ends {@code berthd} as a service manager would, and returns its exit code. */
  int terminate() {
    channel.close();
    berthd.destroy();
    Await.until("berthd has ended", PATIENCE, () -> !berthd.isAlive());
    return berthd.exitValue();
  }

  /** Removes every pod, ends the processes and deletes the directories. */
  @Override
  public void close() throws IOException {
    if (!berthd.isAlive()) {
      start();
    }
    for (PodSandbox pod :
        runtime().listPodSandbox(ListPodSandboxRequest.getDefaultInstance()).getItemsList()) {
      runtime()
          .removePodSandbox(
              RemovePodSandboxRequest.newBuilder().setPodSandboxId(pod.getId()).build());
    }
    terminate();
    shim()
        .ifPresent(shim -> {
          shim.destroy();
          Await.until("the shim has ended", PATIENCE, () -> !shim.isAlive());
        });
    AtomicFiles.deleteTree(state);
    AtomicFiles.deleteTree(root);
    AtomicFiles.deleteTree(logs);
  }
}
