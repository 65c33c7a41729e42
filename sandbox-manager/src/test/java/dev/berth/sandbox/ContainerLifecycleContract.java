package dev.berth.sandbox;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.base.BerthException;
import dev.berth.base.BerthException.Kind;
import dev.berth.base.Operation;
import dev.berth.proto.cri.v1.ContainerConfig;
import dev.berth.proto.cri.v1.Int64Value;
import dev.berth.proto.cri.v1.SupplementalGroupsPolicy;
import dev.berth.testing.Await;
import dev.berth.testing.RequiresRoot;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What can happen to a container, in one pod that all tests share. */
@RequiresRoot
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
abstract class ContainerLifecycleContract {
  private static final Duration LIMIT = Duration.ofSeconds(15);

  @TempDir static Path directory;
  private TestNode node;
  private SandboxStatus pod;

  private final String handler;
  private final CgroupDriver driver;

  ContainerLifecycleContract(String handler) {
    this(handler, CgroupDriver.CGROUPFS);
  }

  ContainerLifecycleContract(String handler, CgroupDriver driver) {
    this.handler = handler;
    this.driver = driver;
  }

  @BeforeAll
  void runPod() throws Exception {
    node = new TestNode(directory, handler, driver);
    pod = node.run(node.pod("shared"));
  }

  @AfterAll
  void close() throws Exception {
    node.close();
  }

  @ParameterizedTest
  @CsvSource({
    "exit 0, 0, Completed",
    "exit 7, 7, Error",
    "kill -TERM $$; sleep 10, 143, Error",
  })
  void anExitIsReportedWithCodeAndReason(String script, int code, String reason) {
    // As the first process of a pid namespace it would not get the signal: a child gets it.
    var container = start("exits-" + code, "/bin/sh", "-c", "sh -c '" + script + "'; exit $?");
    var exited = awaitExited(container.id());
    assertThat(exited.exitCode()).isEqualTo(code);
    assertThat(exited.reason()).isEqualTo(reason);
    assertThat(exited.finishedAt()).isAfterOrEqualTo(exited.startedAt());
  }

  @Test
  void aContainerThatUsesUpItsMemoryIsKilledAndSaysSo() {
    ContainerConfig.Builder config =
        node.container("hungry", "/bin/dd", "if=/dev/zero", "of=/dev/null", "bs=200M");
    config.getLinuxBuilder().getResourcesBuilder().setMemoryLimitInBytes(32 << 20);
    var exited = awaitExited(node.start(pod, config).id());
    assertThat(exited.exitCode()).isEqualTo(137);
    assertThat(exited.reason()).isEqualTo(ExitReasons.OOM_KILLED);
  }

  @Test
  void aProgramThatCannotBeExecutedIsAStartError() {
    var created = node.create(pod, node.container("absent", "/bin/sh"));
    node.containers().remove(created.id(), operation());
    assertThatThrownBy(() -> start("no-program", "/bin/not-there"))
        .isInstanceOf(BerthException.class)
        .hasMessageMatching(".*(/bin/not-there|process.args).*no such file.*");
  }

  @Test
  void aCreatedContainerIsListedStartedOnceAndRemoved() {
    var created = node.create(pod, node.container("once", "/bin/sleep", "1000"));
    assertThat(created.state()).isInstanceOf(ContainerState.Created.class);
    assertThat(list(created.id())).containsExactly(created);
    node.containers().start(created.id(), operation());
    assertThatThrownBy(() -> node.containers().start(created.id(), operation()))
        .hasMessageContaining("cannot start: it is running");
    node.containers().remove(created.id(), operation());
    node.containers().remove(created.id(), operation());
    assertThat(list(created.id())).isEmpty();
    var again = node.create(pod, node.container("once", "/bin/true"));
    node.containers().remove(again.id(), operation());
  }

  @Test
  void aNameIsTakenOnce() {
    var first = node.create(pod, node.container("twin", "/bin/true"));
    assertThatThrownBy(() -> node.create(pod, node.container("twin", "/bin/false")))
        .isInstanceOfSatisfying(
            BerthException.class, e -> assertThat(e.kind()).isEqualTo(Kind.ALREADY_EXISTS))
        .hasMessageContaining("twin")
        .hasMessageContaining(first.id());
    node.containers().remove(first.id(), operation());
  }

  @Test
  void theStopSignalIsSentAndItsTimeIsGiven() {
    ContainerConfig.Builder config =
        node.container(
            "polite", "/bin/sh", "-c", "trap 'exit 42' USR1; while true; do sleep 0.05; done");
    config.setStopSignalValue(CriSignals.ofKernel(10));
    var polite = node.start(pod, config);
    awaitTrap(polite.id());
    node.containers().stop(polite.id(), Duration.ofSeconds(20), operation());
    assertThat(awaitExited(polite.id()).exitCode()).isEqualTo(42);
  }

  @Test
  void aContainerThatIgnoresItsSignalIsKilledAndASecondStopShortensTheFirst() throws Exception {
    var deaf =
        start("deaf", "/bin/sh", "-c", "trap 'echo ignored' TERM; while true; do sleep 0.05; done");
    awaitTrap(deaf.id());
    var first =
        CompletableFuture.runAsync(
            () -> node.containers().stop(deaf.id(), Duration.ofMinutes(5), operation()));
    Await.until(
        "the signal of the first stop has come",
        LIMIT,
        () -> Files.readString(directory.resolve("logs/shared/deaf.log")).contains("ignored"));
    Instant before = Instant.now();
    node.containers().stop(deaf.id(), Duration.ofMillis(200), operation());
    first.get();
    assertThat(Duration.between(before, Instant.now())).isLessThan(LIMIT);
    assertThat(awaitExited(deaf.id()).exitCode()).isEqualTo(137);
    node.containers().stop(deaf.id(), Duration.ZERO, operation());
  }

  @Test
  void aCommandReturnsItsOutputAndCode() {
    var container = start("exec", "/bin/sleep", "1000");
    var result =
        node.containers()
            .execSync(
                container.id(),
                List.of("/bin/sh", "-c", "echo out; echo err >&2; exit 5"),
                Duration.ofSeconds(10),
                operation());
    assertThat(result.stdout().toStringUtf8()).isEqualTo("out\n");
    assertThat(result.stderr().toStringUtf8()).isEqualTo("err\n");
    assertThat(result.exitCode()).isEqualTo(5);
    assertThatThrownBy(() -> node.exec(container.id(), "/bin/absent"))
        .isInstanceOf(BerthException.class)
        .hasMessageMatching(".*(/bin/absent|process.args).*no such file.*");
    assertThat(node.exec(container.id(), "true")).isEmpty();
  }

  @Test
  void aCommandThatTakesTooLongIsKilled() throws Exception {
    var container = start("slow-exec", "/bin/sleep", "1000");
    assertThatThrownBy(() ->
            node.containers()
                .execSync(
                    container.id(),
                    List.of("/bin/sleep", "987654"),
                    Duration.ofMillis(300),
                    operation()))
        .isInstanceOfSatisfying(
            BerthException.class, e -> assertThat(e.kind()).isEqualTo(Kind.DEADLINE_EXCEEDED))
        .hasMessageContaining("300 ms");
    assertThat(node.exec(container.id(), "ps")).doesNotContain("987654");
    assertThat(TestNode.names(directory.resolve("state/tasks").resolve(container.id())))
        .noneMatch(name -> name.startsWith("exec-"));
  }

  @Test
  void outputIsBoundedAndTheCommandDoesNotHangOnIt() {
    var container = start("loud", "/bin/sleep", "1000");
    var result =
        node.containers()
            .execSync(
                container.id(),
                List.of("/bin/sh", "-c", "dd if=/dev/zero bs=1M count=20 2>/dev/null; echo e >&2"),
                Duration.ofSeconds(30),
                operation());
    assertThat(result.stdout().size()).isEqualTo(ExecResult.MAX_OUTPUT_BYTES);
    assertThat(result.stderr().toStringUtf8()).isEqualTo("e\n");
    assertThat(result.exitCode()).isZero();
  }

  @Test
  void aChildThatKeepsTheOutputOpenDoesNotHoldTheCallerUp() {
    var container = start("parent", "/bin/sleep", "1000");
    var result =
        node.containers()
            .execSync(
                container.id(),
                List.of("/bin/sh", "-c", "sleep 600 & echo started"),
                Duration.ofSeconds(20),
                operation());
    assertThat(result.stdout().toStringUtf8()).isEqualTo("started\n");
    assertThat(result.exitCode()).isZero();
  }

  @Test
  void aStreamedCommandGetsItsInputToTheEnd() throws Exception {
    var container = start("streamed", "/bin/sleep", "1000");
    try (StreamedProcess process =
        stream(container.id(), false, "/bin/sh", "-c", "cat; echo err >&2; exit 6")) {
      try (OutputStream stdin = process.stdin().orElseThrow()) {
        stdin.write("typed".getBytes(UTF_8));
      }
      assertThat(process.stdout().orElseThrow().readAllBytes()).asString().isEqualTo("typed");
      assertThat(process.stderr().orElseThrow().readAllBytes()).asString().isEqualTo("err\n");
      assertThat(process.exit().get(20, TimeUnit.SECONDS)).isEqualTo(6);
    }
    assertThat(TestNode.names(directory.resolve("state/tasks").resolve(container.id())))
        .noneMatch(name -> name.startsWith("exec-"));
  }

  @Test
  void aStreamedCommandOnATerminalIsResized() throws Exception {
    var container = start("terminal", "/bin/sleep", "1000");
    try (StreamedProcess process =
        stream(
            container.id(),
            true,
            "/bin/sh",
            "-c",
            "until [ \"$(stty size)\" = '50 132' ]; do sleep 0.1; done; echo $TERM")) {
      process.resize(50, 132);
      assertThat(process.stdout().orElseThrow().readAllBytes()).asString().endsWith("xterm\r\n");
      assertThat(process.exit().get(20, TimeUnit.SECONDS)).isZero();
    }
  }

  @Test
  void aStreamedCommandThatIsLetGoIsKilled() throws Exception {
    var container = start("let-go", "/bin/sleep", "1000");
    StreamedProcess process = stream(container.id(), false, "/bin/sleep", "876543");
    assertThat(node.exec(container.id(), "ps")).contains("876543");
    process.close();
    assertThat(node.exec(container.id(), "ps")).doesNotContain("876543");
    assertThat(process.exit().get(20, TimeUnit.SECONDS)).isEqualTo(137);
    assertThat(TestNode.names(directory.resolve("state/tasks").resolve(container.id())))
        .noneMatch(name -> name.startsWith("exec-"));
    process.close();
  }

  @Test
  void aStreamedCommandThatDoesNotStartLeavesNothing() throws Exception {
    var container = start("no-start", "/bin/sleep", "1000");
    assertThatThrownBy(() -> stream(container.id(), false, "/bin/absent"))
        .isInstanceOf(BerthException.class)
        .hasMessageMatching(".*(/bin/absent|process.args).*no such file.*");
    assertThat(TestNode.names(directory.resolve("state/tasks").resolve(container.id())))
        .noneMatch(name -> name.startsWith("exec-"));
  }

  private StreamedProcess stream(String containerId, boolean terminal, String... command) {
    var streams = new StandardStreams(true, true, !terminal);
    return node.manager
        .streams()
        .exec(containerId, List.of(command), terminal, streams, operation());
  }

  @Test
  void theProgramRunsAsTheUserThePodAsksFor() {
    ContainerConfig.Builder config = node.container("user", "/bin/sleep", "1000");
    config
        .getLinuxBuilder()
        .getSecurityContextBuilder()
        .setRunAsUser(Int64Value.newBuilder().setValue(1000))
        .addSupplementalGroups(77);
    var container = node.start(pod, config);
    assertThat(container.user()).isEqualTo(new ContainerUser(1000, 1000, List.of(50L, 77L, 1000L)));
    assertThat(node.exec(container.id(), "id")).startsWith("uid=1000(app) gid=1000").contains("77");
    assertThat(node.exec(container.id(), "env"))
        .contains("HOME=/home/app", "FROM=image", "HOSTNAME=shared");
  }

  /** Rule R22, as the kernel has it: Groups of /proc/self/status. */
  @ParameterizedTest
  @CsvSource({"Merge, 50 77 2000", "Strict, 77 2000"})
  void thePrimaryGroupIsAmongTheGroupsOfTheProcess(SupplementalGroupsPolicy policy, String groups) {
    ContainerConfig.Builder config = node.container("groups-" + policy, "/bin/sleep", "1000");
    config
        .getLinuxBuilder()
        .getSecurityContextBuilder()
        .setRunAsUser(Int64Value.newBuilder().setValue(1000))
        .setRunAsGroup(Int64Value.newBuilder().setValue(2000))
        .addSupplementalGroups(77)
        .setSupplementalGroupsPolicy(policy);
    var container = node.start(pod, config);
    for (String process : List.of("1", "self")) {
      assertThat(node.exec(container.id(), "cat", "/proc/" + process + "/status"))
          .contains("Gid:\t2000\t2000\t2000\t2000\n", "Groups:\t" + groups + " \n");
    }
  }

  @Test
  void containersOfAPodShareNetworkNameAndMemoryButNotProcesses() {
    var one = start("one", "/bin/sleep", "1000");
    var two = start("two", "/bin/sleep", "1000");
    node.exec(one.id(), "touch", "/dev/shm/seen");
    assertThat(node.exec(two.id(), "ls", "/dev/shm")).isEqualTo("seen\n");
    for (String namespace : List.of("net", "ipc", "uts")) {
      assertThat(namespaceOf(one, namespace)).isEqualTo(namespaceOf(two, namespace));
    }
    assertThat(namespaceOf(one, "pid")).isNotEqualTo(namespaceOf(two, "pid"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"../escape.log", "/abs.log", "a/../../b.log", ".."})
  void aLogCannotLeaveItsDirectory(String logPath) throws Exception {
    assertThatThrownBy(
            () -> node.create(pod, node.container("escape", "/bin/true").setLogPath(logPath)))
        .hasMessageContaining("log_path");
    assertNothingOf("escape");
  }

  @Test
  void aLogCannotGoThroughALink() throws Exception {
    Path logs = Files.createDirectories(directory.resolve("logs/shared"));
    Files.createSymbolicLink(logs.resolve("link"), directory);
    assertThatThrownBy(
            () -> node.create(pod, node.container("link", "/bin/true").setLogPath("link/x.log")))
        .hasMessageContaining("leads through a link");
    assertNothingOf("link");
  }

  @Test
  void badConfigurationsAreNamedAndLeaveNothing() throws Exception {
    var image = node.container("bad", "/bin/true");
    image.getImageBuilder().setImage("localhost/absent");
    refused(image, "localhost/absent");
    refused(node.container("../x", "/bin/true"), "metadata.name");
    var privileged = node.container("bad", "/bin/true");
    privileged.getLinuxBuilder().getSecurityContextBuilder().setPrivileged(true);
    refused(privileged, "privileged sandbox");
    var user = node.container("bad", "/bin/true");
    user.getLinuxBuilder().getSecurityContextBuilder().setRunAsUsername("nobody-knows");
    refused(user, "nobody-knows");
    refused(node.container("bad", "/bin/true").setWorkingDir("relative"), "working_dir");
    assertNothingOf("bad");
  }

  private void refused(ContainerConfig.Builder config, String message) {
    assertThatThrownBy(() -> node.create(pod, config))
        .isInstanceOf(BerthException.class)
        .hasMessageContaining(message);
  }

  private void assertNothingOf(String name) throws Exception {
    assertThat(node.containers().list(ContainerFilter.ALL))
        .noneMatch(one -> one.config().getMetadata().getName().equals(name));
    assertThat(node.store.all("containers").keySet())
        .containsExactlyInAnyOrderElementsOf(
            node.containers().list(ContainerFilter.ALL).stream().map(ContainerStatus::id).toList());
    assertThat(TestNode.names(directory.resolve("state/tasks")))
        .containsExactlyInAnyOrderElementsOf(node.store.all("containers").keySet());
  }

  private String namespaceOf(ContainerStatus container, String type) {
    return node.exec(container.id(), "ls", "-l", "/proc/self/ns/" + type).replaceAll(".*-> ", "");
  }

  private void awaitTrap(String containerId) {
    Await.until(
        "the program has begun", LIMIT, () -> node.exec(containerId, "ps").contains("sleep 0.05"));
  }

  private ContainerStatus start(String name, String... command) {
    return node.start(pod, node.container(name, command));
  }

  private List<ContainerStatus> list(String id) {
    return node.containers()
        .list(new ContainerFilter(Optional.of(id), Optional.empty(), Optional.empty(), Map.of()));
  }

  private ContainerState.Exited awaitExited(String id) {
    Await.until(
        id + " has exited",
        LIMIT,
        () -> node.containers().status(id).state() instanceof ContainerState.Exited);
    return (ContainerState.Exited) node.containers().status(id).state();
  }

  private Operation operation() {
    return TestNode.operation("test");
  }
}
