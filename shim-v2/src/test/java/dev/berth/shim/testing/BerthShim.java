package dev.berth.shim.testing;

import dev.berth.base.AtomicFiles;
import dev.berth.base.BerthException;
import dev.berth.shim.client.Shim;
import dev.berth.shim.client.ShimEvent;
import dev.berth.shim.client.ShimEvents;
import dev.berth.shim.client.ShimRecord;
import dev.berth.shim.client.ShimSettings;
import dev.berth.shim.client.Shims;
import dev.berth.shim.client.TaskProcess;
import dev.berth.testing.Await;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.Stream;

/**
 * Berth's shim for a test: an executable that runs it from the class path of the test, a client,
 * the events, and the removal of all of it.
 */
public final class BerthShim implements AutoCloseable {
  private static final Duration SOON = Duration.ofSeconds(10);
  private static final String NAMESPACE = "berth-test";
  static final String BINARY = "containerd-shim-berth-v2";

  private final Path directory;
  private final Path run;
  private final Path binary;
  private final List<ShimEvent> events = new CopyOnWriteArrayList<>();
  private ShimEvents eventServer;
  private Shims shims;

  private BerthShim(Path directory) throws IOException {
    this.directory = directory;
    this.run = directory.resolve("run");
    this.binary = writeLauncher();
    startClient();
  }

  /** Prepares everything below {@code directory}, but starts no shim. */
  public static BerthShim prepare(Path directory) throws IOException {
    return new BerthShim(directory);
  }

  private Path writeLauncher() throws IOException {
    String java = ProcessHandle.current().info().command().orElseThrow();
    String script =
        """
        #!/bin/sh
        %s shim "$@" && exit
        export MALLOC_ARENA_MAX=1
        exec %s --enable-native-access=ALL-UNNAMED -XX:+UseSerialGC -XX:TieredStopAtLevel=1 \
        -Xms4m -Xmx96m -Xmn3m -XX:MinHeapFreeRatio=10 -XX:MaxHeapFreeRatio=25 \
        -XX:TrimNativeHeapInterval=5000 -XX:-UsePerfData -Dberth.init=%s -Dberth.shim.idle.seconds=20 -cp %s dev.berth.shim.ShimMain "$@"
        """
            .formatted(berthInit(), java, berthInit(), System.getProperty("java.class.path"));
    Path launcher = directory.resolve(BINARY);
    Files.writeString(launcher, script);
    return Files.setPosixFilePermissions(launcher, PosixFilePermissions.fromString("rwx------"));
  }

  /** Returns where the build has put berth-init. */
  public static Path berthInit() {
    String machine = System.getProperty("os.arch").equals("aarch64") ? "arm64" : "amd64";
    return Path.of(System.getProperty("berth.root.dir"))
        .resolve("runtime-native/target/native")
        .resolve(machine)
        .resolve("berth-init");
  }

  private void startClient() {
    Path socket = directory.resolve("events.sock");
    eventServer = ShimEvents.listen(socket, NAMESPACE, events::add);
    shims = client(directory);
  }

  /** Returns a client of the shim that was prepared in {@code directory}; the caller closes it. */
  static Shims client(Path directory) {
    return new Shims(
        new ShimSettings(
            NAMESPACE,
            directory.resolve("berth.sock").toString(),
            directory.resolve("events.sock"),
            Path.of("/bin/true"),
            List.of(),
            false,
            Map.of(
                "BERTH_RUN_DIR",
                directory.resolve("run").toString(),
                "BERTH_SHIM_CGROUP",
                cgroup(directory))));
  }

  /** The control group of the shim, named after the directory, which is random. */
  private static String cgroup(Path directory) {
    return "/berth-test-shim-" + directory.getFileName();
  }

  /** Returns the processes in the shim's control group, by one of the hierarchies in use. */
  public List<String> cgroupMembers() throws IOException {
    // Beside v1 a container has no group of its own in the v2 hierarchy.
    Path procs =
        cgroupDirectories().stream()
            .filter(group -> !group.getParent().endsWith("unified"))
            .map(group -> group.resolve("cgroup.procs"))
            .findFirst()
            .orElseThrow(() -> new AssertionError("no group " + cgroup(directory)));
    return Files.readAllLines(procs);
  }

  private List<Path> cgroupDirectories() throws IOException {
    String name = cgroup(directory).substring(1);
    Path root = Path.of("/sys/fs/cgroup");
    try (Stream<Path> hierarchies = Files.list(root)) {
      return Stream.concat(Stream.of(root), hierarchies)
          .map(hierarchy -> hierarchy.resolve(name))
          .filter(Files::isDirectory)
          .toList();
    }
  }

  /** Returns the executable. */
  public Path binary() {
    return binary;
  }

  /** Returns the client. */
  public Shims shims() {
    return shims;
  }

  /** Returns the events so far. */
  public List<ShimEvent> events() {
    return events;
  }

  /** Returns what the shim keeps of tasks. */
  public List<Path> taskDirectories() throws IOException {
    try (Stream<Path> tree = Files.walk(run.resolve("shim"), 3)) {
      return tree.filter(path -> path.getParent().endsWith("tasks")).toList();
    }
  }

  /** Returns what the shim keeps of one task. */
  public Path taskDirectory(String id) throws IOException {
    return taskDirectories().stream()
        .filter(path -> path.endsWith(id))
        .findFirst()
        .orElseThrow(() -> new AssertionError("no directory of task " + id));
  }

  /** Kills the shim's JVM with SIGKILL; returns its pid, which serves no more. */
  public long killShim(Shim shim) {
    long pid = shim.tasks().connect("", SOON).shimPid();
    ProcessHandle.of(pid).ifPresent(ProcessHandle::destroyForcibly);
    Await.until("the shim has ended", SOON, shim::isLost);
    return pid;
  }

  /** Ends and frees all containers by a shim that lives. */
  public void removeTasks(Shim shim) throws IOException {
    for (Path directory : taskDirectories()) {
      TaskProcess init = TaskProcess.init(directory.getFileName().toString());
      if (!shim.tasks().state(init, SOON).isStopped()) {
        kill(shim, init);
        var _ = shim.tasks().waitFor(init, SOON);
      }
      var _ = shim.tasks().delete(init, SOON);
    }
    events.clear();
  }

  private static void kill(Shim shim, TaskProcess init) {
    try {
      shim.tasks().kill(init, 9, true, SOON);
    } catch (BerthException e) {
      if (e.kind() != BerthException.Kind.NOT_FOUND) { // it has ended by itself since
        throw e;
      }
    }
  }

  /** Frees one container by the shim's {@code delete}, whatever its state. */
  public void delete(String id) {
    shims.cleanUp(record(id), SOON);
  }

  /** Ends and frees all containers. */
  public void removeTasks() throws IOException {
    for (Path task : Files.isDirectory(run.resolve("shim")) ? taskDirectories() : List.<Path>of()) {
      delete(task.getFileName().toString());
    }
    events.clear();
  }

  /** Ends the containers and the shim, and removes what a failed test may have left. */
  @Override
  public void close() throws Exception {
    keepLogs();
    try {
      removeTasks();
    } finally {
      endServing();
      shims.close();
      eventServer.close();
      for (Path group : cgroupDirectories()) {
        Files.delete(group); // a shim that was killed and had no successor left it
      }
    }
    AtomicFiles.deleteTree(run);
  }

  private ShimRecord record(String id) {
    return new ShimRecord(id, binary, directory, "", 3, true);
  }

  /** What the last shim had to say, for whoever looks into a failure. */
  private void keepLogs() throws IOException {
    if (!Files.isDirectory(run)) {
      return;
    }
    try (Stream<Path> tree = Files.walk(run)) {
      for (Path log : tree.filter(path -> path.endsWith("log")).toList()) {
        Files.copy(log, Path.of("target/shim.log"), StandardCopyOption.REPLACE_EXISTING);
      }
    }
  }

  /** The shim that was brought up last; it has no containers any more and removes its cgroup. */
  private void endServing() {
    String marker = directory.resolve("berth.sock").toString();
    List<ProcessHandle> serving =
        ProcessHandle.allProcesses()
            .filter(process -> commandLine(process.pid()).contains(marker))
            .toList();
    serving.forEach(ProcessHandle::destroy);
    for (ProcessHandle process : serving) {
      Await.until("the shim has ended", SOON, () -> ProcFs.hasEnded(process.pid()));
    }
  }

  private static String commandLine(long pid) {
    try {
      return Files.readString(Path.of("/proc", Long.toString(pid), "cmdline"));
    } catch (IOException e) {
      return ""; // gone
    }
  }
}
