package dev.berth.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.berth.base.AtomicFiles;
import dev.berth.base.Ids;
import dev.berth.proto.berth.v1.Finding;
import dev.berth.proto.cri.v1.PodSandboxConfig;
import dev.berth.testing.Await;
import dev.berth.testing.RequiresRoot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/**
 * {@code berth audit} finds what is there without a record and what is recorded without being
 * there, and nothing else. What it is to find is made, or taken away, by hand.
 */
@RequiresRoot
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class AuditTest {
  private static final String ID = Ids.generate();

  @TempDir private static Path directory;
  private PodNode at;
  private String pod;
  private String container;

  @BeforeAll
  void runAPod() throws Exception {
    at = PodNode.start(directory);
    PodSandboxConfig config = at.pods().configWithPause("audited");
    pod = at.pods().run(config);
    container = at.pods().launch(pod, config, Pods.shell("main", at.image(), "exec sleep 1000"));
  }

  @AfterEach
  void nothingIsLeftToTell() {
    assertThat(at.node().audit()).isEmpty();
  }

  @AfterAll
  void stop() throws IOException {
    at.close();
  }

  @Test
  void nodeInGoodOrderHasNothingToTell() throws IOException {
    PodSandboxConfig plain = at.pods().config("plain");
    String other = at.pods().run(plain);
    at.pods().create(other, plain, Pods.shell("created", at.image(), "true"));
    String ended = at.pods().launch(other, plain, Pods.shell("ended", at.image(), "exit 3"));
    at.pods().awaitExit(ended);
    assertThat(at.node().audit()).isEmpty();

    at.pods().stop(other);
    assertThat(at.node().audit()).isEmpty();
    Command command = at.node().berth("audit").succeeded();
    assertThat(command.stdout()).isEmpty();
    at.pods().remove(other);
  }

  @Test
  void killedProcessesLeaveNothingToTell() throws IOException {
    at.node().kill();
    at.node().start();
    assertThat(at.node().audit()).isEmpty();
    ProcessHandle shim = at.node().shim().orElseThrow();
    shim.destroyForcibly();
    Await.until("the shim is gone", Duration.ofSeconds(10), () -> !shim.isAlive());
    Await.until(
        "the container answers",
        Duration.ofSeconds(20),
        () -> at.pods().exec(container, 10, "true").getExitCode() == 0);
  }

  /** Something that is made by hand, and how it is taken away again. */
  private record Planted(String kind, Path path) {
    @Override
    public String toString() {
      return kind + " " + path.getFileName();
    }
  }

  private Stream<Planted> directories() {
    Path state = at.node().state();
    return Stream.of(
        new Planted("sandbox directory", state.resolve("sandboxes").resolve(ID)),
        new Planted("bundle", state.resolve("tasks").resolve(ID)),
        new Planted("volume directory", state.resolve("volumes").resolve(ID)),
        new Planted("state file", state.resolve("stray")),
        new Planted("task directory", tasks().resolve(ID)),
        new Planted("task directory", tasks().resolve(container).resolve("execs").resolve(ID)),
        new Planted("exec pipes", state.resolve("tasks").resolve(pod).resolve("exec-" + ID)),
        new Planted("checkpoint", at.node().root().resolve("checkpoints").resolve(ID)),
        new Planted("snapshot directory", at.node().root().resolve("images/snapshots").resolve(ID)),
        new Planted("cgroup", cgroups().resolve("pod" + ID)),
        new Planted("cgroup", cgroups().resolve("pod" + pod).resolve(ID)));
  }

  private Path tasks() {
    try (Stream<Path> shims = Files.list(at.node().state().resolve("shim"))) {
      return shims.findFirst().orElseThrow().resolve("tasks");
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  private Path cgroups() {
    return Path.of("/sys/fs/cgroup/memory", at.node().instance());
  }

  /** All at once: an audit looks again for seconds before it calls something leaked. */
  @Test
  void directoriesWithoutARecordAreLeaked() throws IOException {
    List<Planted> planted = directories().toList();
    Set<Path> made = new TreeSet<>(Comparator.reverseOrder()); // children first
    for (Planted one : planted) {
      if (Files.notExists(one.path.getParent())) {
        made.add(Files.createDirectories(one.path.getParent()));
      }
      made.add(Files.createDirectory(one.path));
    }
    try {
      List<Finding> findings = at.node().audit();
      assertThat(findings).hasSameSizeAs(planted);
      assertThat(planted)
          .allSatisfy(one ->
              assertThat(findings)
                  .filteredOn(finding -> one.path.toString().endsWith(finding.getName()))
                  .anySatisfy(finding -> assertIs(finding, "leaked", one.kind)));
    } finally {
      for (Path path : made) {
        Files.delete(path);
      }
    }
  }

  private static void assertIs(Finding finding, String problem, String kind) {
    assertThat(finding.getProblem()).as("%s", finding).isEqualTo(problem);
    assertThat(finding.getKind()).as("%s", finding).isEqualTo(kind);
    assertThat(finding.getReason()).isNotEmpty();
  }

  @Test
  void mountWithoutARecordIsLeaked() throws IOException {
    Path pin = at.node().state().resolve("sandboxes").resolve(pod).resolve("stray");
    Files.createFile(pin);
    Command.output("mount", "--bind", "/proc/self/ns/net", pin.toString());
    try {
      assertThat(at.node().audit())
          .singleElement()
          .satisfies(finding -> assertIs(finding, "leaked", "mount"))
          .satisfies(finding -> assertThat(finding.getName()).isEqualTo(pin.toString()))
          .satisfies(finding -> assertThat(finding.getOwner()).isEqualTo(pod));
    } finally {
      Command.output("umount", pin.toString());
      Files.delete(pin);
    }
  }

  @Test
  void processWithoutARecordIsLeaked() throws Exception {
    Process stray = new ProcessBuilder("sleep", "1000").start();
    try {
      Path group = Path.of("/sys/fs/cgroup/memory", at.node().instance() + "-shim");
      Files.writeString(group.resolve("cgroup.procs"), Long.toString(stray.pid()));
      assertThat(at.node().audit())
          .singleElement()
          .satisfies(finding -> assertIs(finding, "leaked", "process"))
          .satisfies(finding -> assertThat(finding.getName()).isEqualTo("sleep " + stray.pid()));
    } finally {
      stray.destroyForcibly().waitFor();
    }
  }

  @Test
  void cachedResultOfAPodThatIsGoneIsLeaked() throws IOException {
    Path file = at.host().cacheDir().resolve("results").resolve("berth-e2e-" + ID + "-eth0");
    String netns = at.node().state() + "/sandboxes/" + ID + "/ns/net";
    Files.writeString(
        file,
        """
        {"kind": "cniCacheV1", "containerId": "%s", "netns": "%s", "networkName": "berth-e2e"}
        """
            .formatted(ID, netns));
    try {
      assertThat(at.node().audit())
          .singleElement()
          .satisfies(finding -> assertIs(finding, "leaked", "cni result"));
    } finally {
      Files.delete(file);
    }
  }

  @Test
  void whatIsGoneThoughRecordedIsMissing() throws IOException {
    PodSandboxConfig config = at.pods().config("robbed");
    String robbed = at.pods().run(config);
    String main =
        at.pods().launch(robbed, config, Pods.shell("main", at.image(), "exec sleep 1000"));
    Path sandbox = at.node().state().resolve("sandboxes").resolve(robbed);
    Path bundle = at.node().state().resolve("tasks").resolve(main);
    Command.output("umount", sandbox.resolve("ns/ipc").toString());
    Command.output("umount", sandbox.resolve("shm").toString());
    AtomicFiles.deleteTree(bundle);

    assertThat(at.node().audit())
        .allSatisfy(finding -> assertThat(finding.getProblem()).isEqualTo("missing"))
        .extracting(Finding::getName)
        .containsExactlyInAnyOrder(
            bundle.toString(),
            sandbox.resolve("ns/ipc").toString(),
            sandbox.resolve("shm").toString());
    Command command = at.node().berth("audit");
    assertThat(command.exitCode()).isEqualTo(1);
    assertThat(command.stdout().lines().skip(1)).hasSize(3).allMatch(line -> line.startsWith("mi"));
    at.pods().remove(robbed);
  }

  @Test
  void differencesAreToldAsJson() throws IOException {
    Path stray = Files.createFile(at.node().state().resolve("stray"));
    Command command = at.node().berth("audit", "--json");
    Files.delete(stray);
    assertThat(command.exitCode()).isEqualTo(1);
    assertThat(command.stdout().lines())
        .containsExactly(
            "{\"problem\":\"leaked\",\"kind\":\"state file\",\"name\":\""
                + stray
                + "\",\"owner\":\"\",\"reason\":\"Berth has no such file\"}");
  }

  @Test
  void leftoversOfALostStoreAreFound() throws IOException {
    Path store = at.node().root().resolve("metadata");
    Path saved = store.resolveSibling("metadata.saved");
    at.node().kill();
    Files.move(store, saved);
    at.node().start();
    try {
      assertThat(at.pods().list()).isEmpty();
      assertThat(at.node().audit())
          .allSatisfy(finding -> assertThat(finding.getProblem()).isEqualTo("leaked"))
          .extracting(Finding::getKind)
          .contains("sandbox directory", "mount", "bundle", "cgroup", "task directory", "process")
          .contains("snapshot");
      assertThat(at.host().leases()).as("what the plugins collected as garbage").isEmpty();
    } finally {
      at.node().terminate();
      AtomicFiles.deleteTree(store);
      Files.move(saved, store);
      at.node().start();
    }
    assertThat(at.pods().exec(container, 10, "true").getExitCode()).isZero();
  }

  @Test
  void otherInstancesAreNobodysLeak() throws Exception {
    BerthNode other = BerthNode.start(directory, at.host());
    try {
      Pods pods = new Pods(other);
      pods.run(pods.config("neighbour"));
      assertThat(other.audit()).isEmpty();
      assertThat(at.node().audit()).isEmpty();
    } finally {
      other.close();
    }
  }

  @Test
  void churnIsNoLeak() throws Exception {
    Thread churn =
        Thread.ofVirtual()
            .start(() -> {
              for (int i = 0; i < 20; i++) {
                runAndRemove("churn-" + i);
              }
            });
    do {
      assertThat(at.node().audit()).isEmpty();
    } while (churn.isAlive());
    churn.join();
    List<String> left = at.pods().list();
    assertThat(left).containsExactly(pod);
  }

  private void runAndRemove(String name) {
    try {
      PodSandboxConfig config = at.pods().config(name);
      String id = at.pods().run(config);
      at.pods().launch(id, config, Pods.shell("main", at.image(), "exec sleep 1000"));
      at.pods().remove(id);
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }
}
