package dev.berth.e2e;

import dev.berth.base.AtomicFiles;
import dev.berth.cri.rpc.CriChannel;
import dev.berth.proto.cri.v1.ImageServiceGrpc;
import dev.berth.proto.cri.v1.ImageServiceGrpc.ImageServiceBlockingStub;
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
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** Debian's containerd with directories of its own, whose containers run on Berth's shim. */
final class Containerd implements CriServer, AutoCloseable {
  /** What runs a container on the built shim, by the option of {@code ctr run}. */
  static final String RUNTIME = "io.containerd.berth.v2";

  private static final Duration PATIENCE = Duration.ofSeconds(20);

  private final Path directory;
  private final Path run; // short: sockets live in it
  private Process process;
  private CriChannel channel;

  /** Starts one and waits until it answers. */
  Containerd(Path directory, PrivateHost host, String pauseImage) throws IOException {
    this.directory = directory;
    this.run = Path.of("/run/berth-ctd-" + ProcessHandle.current().pid());
    AtomicFiles.createPrivateDirectories(run);
    Files.writeString(directory.resolve("config.toml"), config(host, pauseImage));
    start();
  }

  private String config(PrivateHost host, String pauseImage) {
    return """
    version = 2
    root = "%1$s/root"
    state = "%2$s/state"
    disabled_plugins = ["io.containerd.snapshotter.v1.devmapper"]
    [grpc]
      address = "%2$s/c"
    [plugins."io.containerd.internal.v1.opt"]
      path = "%1$s/opt"
    [plugins."io.containerd.grpc.v1.cri"]
      disable_tcp_service = true
      sandbox_image = "%3$s"
      tolerate_missing_hugetlb_controller = true
      restrict_oom_score_adj = true
      [plugins."io.containerd.grpc.v1.cri".cni]
        conf_dir = "%4$s"
        bin_dir = "%5$s"
      [plugins."io.containerd.grpc.v1.cri".containerd]
        default_runtime_name = "berth"
        [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.berth]
          runtime_type = "%6$s"
          runtime_path = "%7$s"
    """
        .formatted(
            directory, run, pauseImage, host.confDir(), host.binDir(), RUNTIME, shimBinary());
  }

  /** Returns the program under test. */
  static Path shimBinary() {
    return BerthNode.distribution().resolve("bin/containerd-shim-berth-v2");
  }

  /** Starts it again, after {@link #stop}. */
  void start() throws IOException {
    var builder =
        new ProcessBuilder("containerd", "-c", directory.resolve("config.toml").toString())
            .redirectErrorStream(true)
            .redirectOutput(
                ProcessBuilder.Redirect.appendTo(directory.resolve("containerd.log").toFile()));
    builder.environment().merge("PATH", shimBinary().getParent() + ":", (old, ours) -> ours + old);
    builder.environment().putAll(environment());
    process = builder.start();
    Await.until("containerd answers", PATIENCE, () -> ctr("version").exitCode() == 0);
    channel = CriChannel.to(run.resolve("c"));
  }

  private Map<String, String> environment() {
    return Map.of("BERTH_RUN_DIR", run.toString());
  }

  /** Ends it as its service manager would; its shims go on. */
  void stop() throws InterruptedException {
    channel.close();
    process.destroy();
    if (!process.waitFor(PATIENCE.toSeconds(), TimeUnit.SECONDS)) {
      throw new AssertionError("containerd does not end");
    }
  }

  @Override
  public RuntimeServiceBlockingStub runtime() {
    return RuntimeServiceGrpc.newBlockingStub(channel.channel())
        .withDeadlineAfter(PATIENCE.toMillis(), TimeUnit.MILLISECONDS);
  }

  @Override
  public ImageServiceBlockingStub images() {
    return ImageServiceGrpc.newBlockingStub(channel.channel())
        .withDeadlineAfter(PATIENCE.toMillis(), TimeUnit.MILLISECONDS);
  }

  @Override
  public Path logDirectory() {
    return directory.resolve("logs");
  }

  /** Runs containerd's own client. */
  Command ctr(String... words) {
    return Command.run(environment(), command(words));
  }

  /** Returns the command line of containerd's own client. */
  List<String> command(String... words) {
    List<String> all = new ArrayList<>(List.of("ctr", "--address", run.resolve("c").toString()));
    all.addAll(List.of(words));
    return all;
  }

  /**
   * Runs the shim's binary as containerd does; it cannot start a JVM.
   *
   * @return its answer as od prints it, bytes apart; empty if it took a JVM
   */
  Command shimWithoutJvm(String... words) {
    List<String> all = new ArrayList<>(List.of("sh", "-c", "\"$0\" \"$@\" | od -An -c"));
    all.add(shimBinary().toString());
    all.addAll(List.of("-namespace", "default", "-address", run.resolve("c").toString()));
    all.addAll(List.of("-publish-binary", "containerd"));
    all.addAll(List.of(words));
    return Command.run(
        Map.of("BERTH_RUN_DIR", run.toString(), "BERTH_JVM_OPTIONS", "-XX:NoSuchFlag"), all);
  }

  /** Returns the JVMs of the shim of a namespace of containerd's. */
  List<ProcessHandle> shims(String namespace) {
    return shims().stream()
        .filter(shim -> BerthNode.commandLine(shim).contains("-namespace " + namespace))
        .toList();
  }

  private List<ProcessHandle> shims() {
    return ProcessHandle.allProcesses()
        .filter(other -> BerthNode.commandLine(other).contains("dev.berth.shim.ShimMain"))
        .filter(other -> BerthNode.commandLine(other).contains(run.toString()))
        .toList();
  }

  /** Returns what shims keep of tasks. */
  List<Path> taskDirectories() throws IOException {
    try (Stream<Path> tree = Files.walk(run.resolve("shim"), 3)) {
      return tree.filter(path -> path.getParent().endsWith("tasks")).toList();
    }
  }

  String log() throws IOException {
    return Files.readString(directory.resolve("containerd.log"));
  }

  @Override
  public void close() throws IOException, InterruptedException {
    stop();
    List<ProcessHandle> shims = shims();
    shims.forEach(ProcessHandle::destroy);
    Await.until(
        "the shims have ended", PATIENCE, () -> shims.stream().noneMatch(ProcessHandle::isAlive));
    AtomicFiles.deleteTree(run);
  }
}
