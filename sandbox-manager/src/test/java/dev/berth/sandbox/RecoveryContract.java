package dev.berth.sandbox;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.tuple;

import dev.berth.base.AuditFinding;
import dev.berth.base.MetadataStore;
import dev.berth.testing.Await;
import dev.berth.testing.RequiresRoot;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a new process finds after the one before it has gone without a word. */
@RequiresRoot
abstract class RecoveryContract {
  static final Duration LIMIT = Duration.ofSeconds(15);

  @TempDir Path directory;
  TestNode node;

  private final String handler;
  private final CgroupDriver driver;

  RecoveryContract(String handler) {
    this(handler, CgroupDriver.CGROUPFS);
  }

  RecoveryContract(String handler, CgroupDriver driver) {
    this.handler = handler;
    this.driver = driver;
  }

  @BeforeEach
  void open() throws Exception {
    node = new TestNode(directory, handler, driver);
  }

  @AfterEach
  void close() throws Exception {
    node.close();
  }

  @Test
  void podsAndContainersAreFoundAsTheyWere() throws Exception {
    SandboxStatus pod = node.run(node.pod("web"));
    ContainerStatus running = node.start(pod, node.container("running", "/bin/sleep", "1000"));
    ContainerStatus created = node.create(pod, node.container("created", "/bin/sleep", "1000"));
    ContainerStatus ended = node.start(pod, node.container("ended", "/bin/sh", "-c", "exit 3"));
    ContainerState.Exited exited = awaitExited(ended.id());
    node.shutDown();
    node.open();

    assertThat(node.sandboxes().status(pod.id())).isEqualTo(pod);
    assertThat(node.containers().status(running.id())).isEqualTo(running);
    assertThat(node.containers().status(created.id())).isEqualTo(created);
    assertThat(node.containers().status(ended.id()).state()).isEqualTo(exited);
    assertThatThrownBy(() -> node.run(node.pod("web"))).hasMessageContaining(pod.id());

    assertThat(node.exec(running.id(), "hostname")).isEqualTo("web\n");
    node.containers().start(created.id(), TestNode.operation("StartContainer"));
    node.containers().stop(running.id(), Duration.ZERO, TestNode.operation("StopContainer"));
    assertThat(awaitExited(running.id()).exitCode()).isEqualTo(137);
    node.remove(pod);
    node.assertNothingLeft();
  }

  @Test
  void anExitWhileNobodyLookedIsReported() throws Exception {
    SandboxStatus pod = node.run(node.pod("web"));
    ContainerStatus container = startUntilGo(pod);
    int pid = ((ContainerState.Running) container.state()).pid();
    node.shutDown();
    Files.createFile(go(pod));
    Await.until(
        "the program has ended", LIMIT, () -> !Files.exists(Path.of("/proc/" + pid + "/root/bin")));
    node.open();
    assertThat(awaitExited(container.id()).exitCode()).isEqualTo(9);
  }

  @Test
  void whatWasHalfMadeIsUndone() throws Exception {
    SandboxStatus pod = node.run(node.pod("web"));
    ContainerStatus container = node.create(pod, node.container("main", "/bin/sleep", "1000"));
    byte[] sandboxRecord = node.store.get("sandboxes", pod.id()).orElseThrow();
    byte[] containerRecord = node.store.get("containers", container.id()).orElseThrow();
    node.containers().remove(container.id(), TestNode.operation("RemoveContainer"));
    node.shutDown();

    // As a crash leaves it: the container's record without a task, the sandbox's still preparing.
    try (MetadataStore store = MetadataStore.open(directory.resolve("meta"))) {
      store.put("containers", container.id(), containerRecord);
      var ready = SandboxRecord.parse(sandboxRecord);
      store.put(
          "sandboxes",
          pod.id(),
          new SandboxRecord(
                  ready.id(),
                  ready.config(),
                  ready.runtimeHandler(),
                  ready.sandboxTask(),
                  SandboxRecord.Phase.PREPARING,
                  ready.createdAt(),
                  ready.bootId(),
                  ready.networkConfig(),
                  "",
                  List.of())
              .toBytes());
    }
    node.open();
    Await.until(
        "the container is undone",
        LIMIT,
        () -> node.containers().list(ContainerFilter.ALL).isEmpty());
    node.assertNothingLeft();
    node.remove(node.run(node.pod("web")));
  }

  @Test
  void afterARebootNothingRunsAndEverythingCanBeRemoved() throws Exception {
    SandboxStatus pod = node.run(node.pod("web"));
    ContainerStatus container = node.start(pod, node.container("main", "/bin/sleep", "1000"));
    node.shutDown();
    try (MetadataStore store = MetadataStore.open(directory.resolve("meta"))) {
      var sandbox = SandboxRecord.parse(store.get("sandboxes", pod.id()).orElseThrow());
      store.put(
          "sandboxes",
          pod.id(),
          new SandboxRecord(
                  sandbox.id(),
                  sandbox.config(),
                  sandbox.runtimeHandler(),
                  sandbox.sandboxTask(),
                  sandbox.phase(),
                  sandbox.createdAt(),
                  "another boot",
                  sandbox.networkConfig(),
                  sandbox.cniResult(),
                  sandbox.ips())
              .toBytes());
      var record = ContainerRecord.parse(store.get("containers", container.id()).orElseThrow());
      store.put(
          "containers",
          container.id(),
          new ContainerRecord(
                  record.id(),
                  record.sandboxId(),
                  record.config(),
                  record.image(),
                  record.user(),
                  record.stopSignal(),
                  record.logPath(),
                  record.cgroup(),
                  "another boot",
                  record.state())
              .toBytes());
    }
    node.open();
    assertThat(node.sandboxes().status(pod.id()).isReady()).isFalse();
    assertThat(node.sandboxes().status(pod.id()).ips()).isEmpty();
    assertThat(node.containers().status(container.id()).state())
        .isInstanceOfSatisfying(
            ContainerState.Exited.class,
            exited -> {
              assertThat(exited.exitCode()).isEqualTo(255);
              assertThat(exited.reason()).isEqualTo(ExitReasons.UNKNOWN);
            });
    node.killAsARebootWould(container);
    node.sandboxes().stop(pod.id(), TestNode.operation("StopPodSandbox"));
    node.remove(pod);
    assertThat(node.cgroups()).isEmpty();
    assertThat(node.leases()).isEmpty();
  }

  @Test
  void aShimIsFoundAgainThoughItsRecordCannotBeRead() throws Exception {
    SandboxStatus pod = node.run(node.pod("web"));
    ContainerStatus container = node.start(pod, node.container("main", "/bin/sleep", "1000"));
    ProcessHandle shim = node.shimOf(container);
    node.shutDown();
    Set<String> owners;
    try (MetadataStore store = MetadataStore.open(directory.resolve("meta"))) {
      owners = Set.copyOf(store.all("shims").keySet());
      owners.forEach(owner -> store.put("shims", owner, "{".getBytes(UTF_8)));
    }
    node.open();
    assertThat(node.containers().status(container.id())).isEqualTo(container);
    assertThat(node.exec(container.id(), "hostname")).isEqualTo("web\n");
    assertThat(shim.isAlive()).isTrue();
    assertThat(node.store.all("quarantine.shims").keySet()).isEqualTo(owners);
    assertThat(node.store.all("shims").keySet()).isEqualTo(owners);
    assertThat(node.manager.audit(TestNode.operation("Audit")))
        .filteredOn(finding -> finding.kind().equals("record"))
        .extracting(AuditFinding::name, AuditFinding::problem)
        .containsExactlyInAnyOrderElementsOf(
            owners.stream()
                .map(owner -> tuple("shims/" + owner, AuditFinding.Problem.WRONG))
                .toList());
    node.containers().stop(container.id(), Duration.ZERO, TestNode.operation("StopContainer"));
    assertThat(awaitExited(container.id()).exitCode()).isEqualTo(137);
    node.remove(pod);
    node.assertNothingLeft();
  }

  @Test
  void oneBadRecordDoesNotKeepTheOthersFromBeingRecovered() throws Exception {
    SandboxStatus pod = node.run(node.pod("web"));
    node.shutDown();
    try (MetadataStore store = MetadataStore.open(directory.resolve("meta"))) {
      store.put("sandboxes", "bad", "{".getBytes(UTF_8));
      store.put("containers", "bad", "{\"schema\": 99}".getBytes(UTF_8));
    }
    node.open();
    assertThat(node.sandboxes().status(pod.id())).isEqualTo(pod);
    assertThat(node.store.all("quarantine.sandboxes")).containsOnlyKeys("bad");
    assertThat(node.store.all("quarantine.containers")).containsOnlyKeys("bad");
    assertThat(node.store.all("containers")).isEmpty();
    assertThat(node.manager.quarantined()).containsOnlyKeys("sandboxes/bad", "containers/bad");
    assertThat(node.manager.audit(TestNode.operation("Audit")))
        .filteredOn(finding -> finding.kind().equals("record"))
        .extracting(AuditFinding::name, AuditFinding::problem)
        .containsExactlyInAnyOrder(
            tuple("sandboxes/bad", AuditFinding.Problem.WRONG),
            tuple("containers/bad", AuditFinding.Problem.WRONG));
  }

  /** Starts a container that ends with 9 as soon as {@link #go} is there. */
  ContainerStatus startUntilGo(SandboxStatus pod) {
    return node.start(
        pod,
        node.container(
            "main", "/bin/sh", "-c", "until [ -e /dev/shm/go ]; do sleep 0.05; done; exit 9"));
  }

  Path go(SandboxStatus pod) {
    return directory.resolve("state/sandboxes").resolve(pod.id()).resolve("shm/go");
  }

  static void signal(String signal, ProcessHandle process) throws Exception {
    assertThat(new ProcessBuilder("kill", signal, "" + process.pid()).start().waitFor()).isZero();
  }

  ContainerState.Exited awaitExited(String id) {
    Await.until(
        id + " has exited",
        LIMIT,
        () -> node.containers().status(id).state() instanceof ContainerState.Exited);
    return (ContainerState.Exited) node.containers().status(id).state();
  }
}
