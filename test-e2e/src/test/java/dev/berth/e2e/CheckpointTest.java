package dev.berth.e2e;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.berth.base.AtomicFiles;
import dev.berth.proto.cri.v1.CheckpointContainerRequest;
import dev.berth.proto.cri.v1.ContainerConfig;
import dev.berth.proto.cri.v1.PodSandboxConfig;
import dev.berth.testing.Await;
import dev.berth.testing.RequiresRoot;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Checkpoints of running containers. What does not depend on CRIU's dump itself is tested with a
 * line of shell in its place; a real dump needs a CRIU that works on this kernel: the program that
 * {@code -Dberth.criu} names or PATH has.
 */
@RequiresRoot
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class CheckpointTest {
  private static final Duration LIMIT = Duration.ofSeconds(20);

  /** Writes what a dump leaves behind, as far as an archive has to carry it. */
  private static final String DUMPS =
      """
      while [ $# -gt 0 ]; do
        case $1 in --images-dir) images=$2 ;; --work-dir) work=$2 ;; esac
        shift
      done
      echo image >$images/inventory.img
      echo log >$work/dump.log
      echo figures >$work/stats-dump
      """;

  private static final String FAILS =
      """
      while [ $# -gt 0 ]; do
        case $1 in --work-dir) work=$2 ;; esac
        shift
      done
      echo '(00.1) Error (criu/files.c:12): a file of a kind nobody dumps' >$work/dump.log
      exit 1
      """;

  /** Counts in the log, and changes three files of the image once. */
  private static final String COUNTER =
      "echo new >/root/new; rm /etc/group; ln -s new /root/link; echo changed >/etc/passwd;"
          + " i=0; while true; do i=$((i+1)); echo $i; sleep 0.1; done";

  @TempDir private static Path directory;
  private Path criu;
  private Path archives;
  private PrivateHost host;
  private TestRegistry registry;
  private BerthNode node;
  private Pods pods;
  private String image;
  private PodSandboxConfig config;
  private String pod;

  @BeforeAll
  void start() throws Exception {
    criu = directory.resolve("criu");
    archives = Files.createDirectories(directory.resolve("archives"));
    host = new PrivateHost(directory.resolve("host"));
    registry = new TestRegistry(directory.resolve("registry"));
    node = BerthNode.start(directory, host, "--criu=" + criu);
    pods = new Pods(node);
    image = pods.pull(registry.busybox());
  }

  @BeforeEach
  void runPod() throws IOException {
    config = pods.config("checkpoint");
    pod = pods.run(config);
  }

  @AfterEach
  void clear() throws IOException {
    pods.list().forEach(pods::remove);
    Files.deleteIfExists(criu);
    assertThat(names(archives)).isEmpty();
    assertThat(names(node.root().resolve("checkpoints"))).isEmpty();
  }

  @AfterAll
  void stop() throws IOException {
    node.close();
    registry.close();
    host.close();
  }

  @Test
  void archiveHasWhatCheckpointctlReads() throws IOException {
    criu(DUMPS);
    String id = counter();
    Path archive = archives.resolve("counter.tar");

    checkpoint(id, archive.toString());

    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(archive)))
        .isEqualTo("rw-------");
    assertThat(Command.output("tar", "-tf", archive.toString()).lines())
        .containsExactlyInAnyOrder(
            "checkpoint/inventory.img",
            "config.dump",
            "deleted.files",
            "dump.log",
            "rootfs-diff.tar",
            "spec.dump",
            "stats-dump",
            "status.dump");
    assertThat(member(archive, "config.dump")).contains("\"id\":\"" + id + "\"", "\"counter\"");
    assertThat(member(archive, "spec.dump")).contains("\"ociVersion\"");
    assertThat(member(archive, "status.dump")).contains("\"StartedAt\":");
    assertThat(member(archive, "deleted.files")).isEqualTo("[\"/etc/group\"]");
    assertCountsOn(id);
    Files.delete(archive);
  }

  @Test
  void changedFilesUnpackToWhatTheyAre() throws IOException {
    criu(DUMPS);
    Path archive = archives.resolve("changes.tar");
    checkpoint(counter(), archive.toString());
    Path unpacked = Files.createDirectories(directory.resolve("unpacked"));
    Command.output("tar", "-C", unpacked.toString(), "-xf", archive.toString(), "rootfs-diff.tar");

    Path diff = unpacked.resolve("rootfs-diff.tar");
    Command.output("tar", "-C", unpacked.toString(), "-xpf", diff.toString());

    assertThat(unpacked.resolve("root/new")).hasContent("new\n");
    assertThat(unpacked.resolve("etc/passwd")).hasContent("changed\n");
    assertThat(Files.readSymbolicLink(unpacked.resolve("root/link"))).isEqualTo(Path.of("new"));
    assertThat(unpacked.resolve("bin")).doesNotExist();
    Files.delete(archive);
    AtomicFiles.deleteTree(unpacked);
  }

  @Test
  void earlierArchiveIsReplaced() throws IOException {
    criu(DUMPS);
    Path archive = Files.writeString(archives.resolve("again.tar"), "of yesterday");
    checkpoint(counter(), archive.toString());
    assertThat(member(archive, "dump.log")).isEqualTo("log");
    Files.delete(archive);
  }

  @Test
  void missingCriuIsAnErrorThatSaysWhatToInstall() {
    String id = counter();
    assertThatThrownBy(() -> checkpoint(id, archives.resolve("none.tar").toString()))
        .satisfies(refusedWith(Status.Code.FAILED_PRECONDITION, "criu is missing", "install"));
    assertCountsOn(id);
  }

  @Test
  void failingCriuIsQuotedAndTheContainerGoesOn() throws IOException {
    criu(FAILS);
    String id = counter();
    assertThatThrownBy(() -> checkpoint(id, archives.resolve("failed.tar").toString()))
        .satisfies(refusedWith(Status.Code.FAILED_PRECONDITION, "a file of a kind nobody dumps"));
    assertCountsOn(id);
  }

  @Test
  void criuThatDoesNotEndIsKilledAndTheContainerGoesOn() throws IOException {
    criu("exec sleep 7654321");
    String id = counter();
    var request = request(id, archives.resolve("late.tar").toString()).setTimeout(4).build();
    assertThatThrownBy(() -> node.runtime().checkpointContainer(request))
        .satisfies(refusedWith(Status.Code.DEADLINE_EXCEEDED, "criu did not end"));
    assertCountsOn(id);
    assertNoProcess("7654321");
  }

  @Test
  void containerGoesOnAfterBerthdWasKilledDuringItsCheckpoint() throws Exception {
    criu("exec sleep 7654322");
    String id = counter();
    String location = archives.resolve("killed.tar").toString();
    Thread caller = Thread.ofVirtual().start(() -> checkpointToItsEnd(id, location));
    Await.until("criu runs", LIMIT, () -> isRunning("7654322"));

    node.kill();
    node.start();

    assertCountsOn(id);
    assertNoProcess("7654322");
    caller.join(LIMIT);
  }

  @Test
  void containerGoesOnAfterTheShimWasKilledDuringItsCheckpoint() throws Exception {
    criu("exec sleep 7"); // nobody is left to end it
    String id = counter();
    String location = archives.resolve("killed.tar").toString();
    Thread caller = Thread.ofVirtual().start(() -> checkpointToItsEnd(id, location));
    Await.until("criu runs", LIMIT, () -> isRunning("7"));

    node.shim().orElseThrow().destroyForcibly();

    assertCountsOn(id);
    caller.join(LIMIT);
    assertNoProcess("7");
  }

  private void checkpointToItsEnd(String id, String location) {
    assertThatThrownBy(() -> checkpoint(id, location)).isInstanceOf(StatusRuntimeException.class);
  }

  @Test
  void containerThatDoesNotRunCannotBeCheckpointed() {
    String location = archives.resolve("refused.tar").toString();
    String id = pods.create(pod, config, Pods.shell("short", image, "true"));
    assertThatThrownBy(() -> checkpoint(id, location))
        .satisfies(refusedWith(Status.Code.FAILED_PRECONDITION, "created"));
    pods.start(id);
    var _ = pods.awaitExit(id);
    assertThatThrownBy(() -> checkpoint(id, location))
        .satisfies(refusedWith(Status.Code.FAILED_PRECONDITION, "exited"));
    assertThatThrownBy(() -> checkpoint("unknown", location))
        .satisfies(refusedWith(Status.Code.NOT_FOUND, "unknown"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"relative.tar", "registry.example/app:saved", "/", "/no/such/dir/a.tar"})
  void locationThatIsNoFileInADirectoryIsRefused(String location) {
    String id = counter();
    assertThatThrownBy(() -> checkpoint(id, location))
        .satisfies(refusedWith(Status.Code.INVALID_ARGUMENT, "location", location));
  }

  @Test
  void realDumpHasTheImagesOfTheProcesses() throws IOException {
    useRealCriu();
    String id = counter();
    assertDumped(id, "processes.tar");
  }

  @Test
  void realDumpOfAContainerInThePidNamespaceOfItsPod() throws IOException {
    useRealCriu();
    PodSandboxConfig shared = pods.configWithPause("shared");
    String id = pods.launch(pods.run(shared), shared, Pods.shell("counter", image, COUNTER));
    awaitCounting(id);
    assertDumped(id, "shared.tar");
  }

  @Test
  void realDumpOfAContainerWithATerminal() throws IOException {
    useRealCriu();
    ContainerConfig terminal =
        Pods.shell("counter", image, COUNTER).toBuilder().setStdin(true).setTty(true).build();
    String id = pods.launch(pod, config, terminal);
    awaitCounting(id);
    assertDumped(id, "terminal.tar");
  }

  private void assertDumped(String id, String name) throws IOException {
    Path archive = archives.resolve(name);
    checkpoint(id, archive.toString());
    assertThat(Command.output("tar", "-tf", archive.toString()).lines())
        .contains("checkpoint/inventory.img", "checkpoint/pstree.img", "dump.log", "stats-dump")
        .anyMatch(member -> member.matches("checkpoint/pages-\\d+\\.img"));
    assertCountsOn(id);
    Files.delete(archive);
  }

  /** One that does not even say of itself that it works here cannot be tested with. */
  private void useRealCriu() throws IOException {
    String program = Objects.requireNonNullElse(System.getProperty("berth.criu"), "criu");
    Command check = Command.run(Map.of(), List.of("sh", "-c", program + " check"));
    assumeTrue(check.exitCode() == 0, "criu check: " + check.stderr());
    criu("exec " + program + " \"$@\"");
  }

  private void criu(String script) throws IOException {
    Files.writeString(criu, "#!/bin/sh\n" + script);
    Files.setPosixFilePermissions(criu, PosixFilePermissions.fromString("rwxr-xr-x"));
  }

  private String counter() {
    String id = pods.launch(pod, config, Pods.shell("counter", image, COUNTER));
    awaitCounting(id);
    return id;
  }

  private void awaitCounting(String id) {
    Await.until("the container counts", LIMIT, () -> lines(id) > 1);
  }

  private void assertCountsOn(String id) {
    long before = lines(id);
    Await.until("the container counts on", LIMIT, () -> lines(id) > before);
  }

  private long lines(String id) {
    try {
      return pods.log(id).size();
    } catch (IOException e) {
      return 0; // no log yet
    }
  }

  private void checkpoint(String id, String location) {
    var _ =
        node.runtime()
            .withDeadlineAfter(60, SECONDS)
            .checkpointContainer(request(id, location).build());
  }

  private static CheckpointContainerRequest.Builder request(String id, String location) {
    return CheckpointContainerRequest.newBuilder().setContainerId(id).setLocation(location);
  }

  private static Consumer<Throwable> refusedWith(Status.Code code, String... words) {
    return failure -> {
      Status status = Status.fromThrowable(failure);
      assertThat(status.getCode()).as("%s", status).isEqualTo(code);
      assertThat(status.getDescription()).contains(words);
    };
  }

  private static String member(Path archive, String name) {
    return Command.output("tar", "-xOf", archive.toString(), name).strip();
  }

  private static void assertNoProcess(String mark) {
    Await.until("criu is gone", LIMIT, () -> !isRunning(mark));
  }

  private static boolean isRunning(String mark) {
    return ProcessHandle.allProcesses()
        .anyMatch(process -> BerthNode.commandLine(process).startsWith("sleep " + mark + " "));
  }

  private static List<String> names(Path folder) throws IOException {
    if (!Files.isDirectory(folder)) {
      return List.of();
    }
    try (Stream<Path> files = Files.list(folder)) {
      return files.map(file -> file.getFileName().toString()).toList();
    }
  }
}
