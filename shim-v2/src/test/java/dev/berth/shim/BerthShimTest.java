package dev.berth.shim;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.Any;
import dev.berth.base.BerthException;
import dev.berth.base.BerthException.Kind;
import dev.berth.base.Ids;
import dev.berth.runtime.cgroup.Cgroups;
import dev.berth.runtime.kernel.Processes;
import dev.berth.runtime.spec.Linux;
import dev.berth.runtime.spec.Namespace;
import dev.berth.runtime.spec.RuntimeSpec;
import dev.berth.runtime.task.AttachStreams;
import dev.berth.runtime.task.Attachment;
import dev.berth.shim.client.CreateTask;
import dev.berth.shim.client.ExecTask;
import dev.berth.shim.client.Shim;
import dev.berth.shim.client.ShimEvent;
import dev.berth.shim.client.TaskClient;
import dev.berth.shim.client.TaskExit;
import dev.berth.shim.client.TaskIo;
import dev.berth.shim.client.TaskProcess;
import dev.berth.shim.client.TaskState;
import dev.berth.shim.testing.BerthShim;
import dev.berth.shim.testing.BusyboxBundle;
import dev.berth.shim.testing.FifoReader;
import dev.berth.shim.testing.ProcFs;
import dev.berth.testing.Await;
import dev.berth.testing.RequiresRoot;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Drives Berth's own shim as a separate process, through the client that drives any shim. The
 * process is the same for all tests, but for those that end it.
 */
@RequiresRoot
@Timeout(60)
class BerthShimTest {
  private static final Duration SOON = Duration.ofSeconds(10);

  @TempDir static Path shared;
  private static BerthShim berth;

  @TempDir Path dir;
  private final String id = Ids.generate();
  private final TaskProcess init = TaskProcess.init(id);
  private Shim shim;
  private TaskClient tasks;

  @BeforeAll
  static void prepare() throws IOException {
    berth = BerthShim.prepare(shared);
  }

  @AfterAll
  static void endShim() throws Exception {
    berth.close();
  }

  @BeforeEach
  void launchShim() throws IOException {
    Files.createDirectories(dir.resolve(id));
    shim = berth.shims().launch(berth.binary().toString(), id, dir.resolve(id), null, SOON);
    tasks = shim.tasks();
  }

  @AfterEach
  void cleanUp() throws Exception {
    if (shim.isLost()) {
      berth.removeTasks();
    } else {
      berth.removeTasks(shim);
    }
  }

  private Path bundle(String containerId, String... args) throws IOException {
    Path directory = dir.resolve(containerId);
    Files.createDirectories(directory);
    String cgroup = "/berth-test-" + containerId.substring(0, 12);
    return BusyboxBundle.create(directory, cgroup, args).directory();
  }

  private int create(TaskIo io, String... args) throws IOException {
    return tasks.create(new CreateTask(id, bundle(id, args), List.of(), io, null), SOON);
  }

  @Test
  void startFindsTheShimThatServesAndSaysThatItAdopts() throws Exception {
    Shim second = berth.shims().launch(berth.binary().toString(), "other", dir, null, SOON);

    assertThat(second.record().address()).isEqualTo(shim.record().address());
    assertThat(second.record().version()).isEqualTo(3);
    assertThat(second.record().adoptsTasks()).isTrue();
    assertThat(second.tasks().connect("", SOON).shimPid())
        .isEqualTo(tasks.connect("", SOON).shimPid());
  }

  @Test
  void containerLivesThroughItsStates() throws Exception {
    int pid = create(TaskIo.NONE, "sleep", "100");
    assertThat(tasks.state(init, SOON))
        .extracting(TaskState::status, TaskState::pid)
        .containsExactly(TaskState.Status.CREATED, pid);

    assertThat(tasks.start(init, SOON)).isEqualTo(pid);
    assertThat(tasks.state(init, SOON).status()).isEqualTo(TaskState.Status.RUNNING);
    assertThat(tasks.pids(id, SOON)).contains(pid);
    assertFails(Kind.FAILED_PRECONDITION, () -> tasks.delete(init, SOON));
    assertFails(Kind.FAILED_PRECONDITION, () -> tasks.start(init, SOON));

    tasks.kill(init, 9, false, SOON);
    TaskExit exit = tasks.waitFor(init, SOON);
    assertThat(exit.status()).isEqualTo(137);
    assertThat(exit.exitedAt()).isBetween(Instant.now().minusSeconds(30), Instant.now());
    assertThat(tasks.state(init, SOON).isStopped()).isTrue();
    assertFails(Kind.NOT_FOUND, () -> tasks.kill(init, 9, false, SOON));
    assertThat(tasks.delete(init, SOON))
        .extracting(TaskExit::pid, TaskExit::status)
        .containsExactly(pid, 137);
    assertFails(Kind.NOT_FOUND, () -> tasks.state(init, SOON));
  }

  @Test
  void exitCodeAndLogArriveComplete() throws Exception {
    Path log = dir.resolve("0.log");
    create(logger(log), "sh", "-c", "echo out; echo err >&2; exit 42");
    tasks.start(init, SOON);

    assertThat(tasks.waitFor(init, SOON).status()).isEqualTo(42);

    // lines are complete before the exit is known
    assertThat(Files.readAllLines(log))
        .extracting(line -> line.substring(line.indexOf(' ') + 1))
        .containsExactlyInAnyOrder("stdout F out", "stderr F err");
    tasks.delete(init, SOON);
  }

  /** Twice the limit in one string; the shell itself is what is killed. */
  private static final String GLUTTON = "x=0123456789abcdef; while :; do x=$x$x; done";

  @Test
  void containerThatIsOutOfMemoryIsToldBeforeItsEnd() throws Exception {
    createLimited(GLUTTON);
    tasks.start(init, SOON);

    assertThat(tasks.waitFor(init, SOON).status()).isEqualTo(137);
    Await.until("the end is told", SOON, () -> events().size() >= 4);
    assertThat(events())
        .extracting(event -> event.getClass().getSimpleName())
        .containsExactly("Created", "Started", "OutOfMemory", "Exited");
  }

  @Test
  void killedChildOfAContainerIsToldAtOnceAndByEveryShim() throws Exception {
    createLimited("sh -c '" + GLUTTON + "'; sleep 100");
    tasks.start(init, SOON);
    Await.until("it is told", SOON, () -> outOfMemoryEvents() == 1);

    berth.killShim(shim);
    berth.shims().launch(berth.binary().toString(), id, dir.resolve(id), null, SOON);
    Await.until("it is told again", SOON, () -> outOfMemoryEvents() == 2);
  }

  /** What was told of this test's container: the shim is shared with other tests. */
  private List<ShimEvent> events() {
    return berth.events().stream().filter(event -> event.containerId().equals(id)).toList();
  }

  private long outOfMemoryEvents() {
    return events().stream().filter(ShimEvent.OutOfMemory.class::isInstance).count();
  }

  private void createLimited(String script) throws IOException {
    String cgroup = "/berth-test-" + id.substring(0, 12);
    var bundle = BusyboxBundle.create(dir.resolve(id), cgroup, "sh", "-c", script);
    bundle.withMemoryLimit(16 << 20);
    tasks.create(new CreateTask(id, bundle.directory(), List.of(), TaskIo.NONE, null), SOON);
  }

  /** The shim only names the place: it stands in no data path. */
  @Test
  void clientsAttachWithoutTheShimBetween() throws Exception {
    create(logger(dir.resolve("0.log")).withAttachedStdin(true), "cat");
    tasks.start(init, SOON);
    Path place = tasks.locate(init, SOON);
    berth.killShim(shim);

    try (var client = Attachment.open(place, AttachStreams.all())) {
      client.stdin().orElseThrow().write("tea\n".getBytes(StandardCharsets.UTF_8));
      assertThat(client.stdout().orElseThrow().readNBytes(4)).asString().isEqualTo("tea\n");
      client.stdin().orElseThrow().close();
      berth.shims().launch(berth.binary().toString(), id, dir.resolve(id), null, SOON);
      assertThat(client.await(SOON)).contains(new Attachment.End.Exited());
    }
    assertThat(tasks.waitFor(init, SOON).status()).isZero();
  }

  @Test
  void closeIoEndsInputThatClientsFeed() throws Exception {
    create(logger(dir.resolve("0.log")).withAttachedStdin(false), "cat");
    tasks.start(init, SOON);

    tasks.closeStdin(init, SOON);

    assertThat(tasks.waitFor(init, SOON).status()).isZero();
  }

  private TaskIo logger(Path log) {
    return TaskIo.logger("binary://" + BerthShim.berthInit() + "?log=" + log, false);
  }

  @Test
  void eventsArriveInOrder() throws Exception {
    create(TaskIo.NONE, "sleep", "100");
    tasks.start(init, SOON);
    var exec = new TaskProcess(id, "sleeper");
    tasks.exec(new ExecTask(exec, TaskIo.NONE, BusyboxBundle.process("sleep", "100")), SOON);
    tasks.start(exec, SOON);
    tasks.kill(init, 9, false, SOON);
    tasks.waitFor(init, SOON);
    tasks.delete(init, SOON);

    Await.until("the last event", SOON, () -> events().size() >= 7);
    assertThat(events())
        .extracting(event -> event.getClass().getSimpleName())
        .containsExactly(
            "Created", "Started", "ExecAdded", "ExecStarted", "Exited", "Exited", "Deleted");
    assertThat(events().get(4))
        .isInstanceOfSatisfying(
            ShimEvent.Exited.class, event -> assertThat(event.process()).isEqualTo(exec));
    assertThat(events().get(5))
        .isInstanceOfSatisfying(
            ShimEvent.Exited.class, event -> assertThat(event.process()).isEqualTo(init));
  }

  @Test
  void execRunsAndItsOutputComesThroughFifos() throws Exception {
    create(TaskIo.NONE, "sleep", "100");
    tasks.start(init, SOON);
    var exec = new TaskProcess(id, "greeting");
    var out = new FifoReader(dir.resolve("out"));
    var err = new FifoReader(dir.resolve("err"));

    tasks.exec(
        new ExecTask(
            exec,
            TaskIo.output(out.path(), err.path()),
            BusyboxBundle.process("sh", "-c", "echo hello; echo bad >&2; exit 3")),
        SOON);
    CompletableFuture<TaskExit> exited = tasks.exit(exec);
    assertThat(tasks.state(exec, SOON).status()).isEqualTo(TaskState.Status.CREATED);
    tasks.start(exec, SOON);

    assertThat(exited.get(10, TimeUnit.SECONDS).status()).isEqualTo(3);
    assertThat(tasks.state(exec, SOON).isStopped()).isTrue();
    assertThat(tasks.delete(exec, SOON).status()).isEqualTo(3);
    assertThat(out.content()).isEqualTo("hello\n");
    assertThat(err.content()).isEqualTo("bad\n");
    assertFails(Kind.NOT_FOUND, () -> tasks.state(exec, SOON));
  }

  @Test
  void runExecutesWaitsAndFreesInOneCall() throws Exception {
    create(TaskIo.NONE, "sleep", "100");
    tasks.start(init, SOON);
    var exec = new TaskProcess(id, "once");
    var out = new FifoReader(dir.resolve("out"));
    var err = new FifoReader(dir.resolve("err"));
    var io = TaskIo.output(out.path(), err.path());

    int exitCode = tasks.run(exec, io, List.of("sh", "-c", "echo hi; exit 5"), SOON);

    assertThat(exitCode).isEqualTo(5);
    assertThat(out.content()).isEqualTo("hi\n");
    assertThat(err.content()).isEmpty();
    assertFails(Kind.NOT_FOUND, () -> tasks.state(exec, SOON));
  }

  @Test
  void runOutlastsTheThreadThatStartedIt() throws Exception {
    create(TaskIo.NONE, "sleep", "100");
    tasks.start(init, SOON);

    int exitCode =
        tasks.run(
            new TaskProcess(id, "slow"), TaskIo.NONE, List.of("sh", "-c", "sleep 1; exit 6"), SOON);

    assertThat(exitCode).isEqualTo(6);
  }

  @Test
  void runSaysWhyNothingWasRun() throws Exception {
    create(TaskIo.NONE, "sleep", "100");
    tasks.start(init, SOON);

    assertThatThrownBy(
            () -> tasks.run(new TaskProcess(id, "no"), TaskIo.NONE, List.of("/bin/none"), SOON))
        .isInstanceOf(BerthException.class)
        .hasMessageContaining("process.args[0]")
        .hasMessageContaining("/bin/none");
    assertThat(tasks.pids(id, SOON)).hasSize(1);
  }

  @Test
  void runEndsWithTheShimThatNobodyCanAskAgain() throws Exception {
    create(TaskIo.NONE, "sleep", "100");
    tasks.start(init, SOON);
    CompletableFuture<Integer> run = run(3, "sh", "-c", "sleep 91 & sleep 90; true");
    ProcessHandle made = processWithArgument("91");
    ProcessHandle command = made.parent().orElseThrow();
    ProcessHandle stub = command.parent().orElseThrow();

    berth.killShim(shim);

    assertThatThrownBy(() -> run.get(10, TimeUnit.SECONDS)).hasRootCauseInstanceOf(Exception.class);
    Await.until("command and stub are gone", SOON, () -> !command.isAlive() && !stub.isAlive());
    // The shell may still reap it while it dies itself; the container's first process never does.
    Await.until(
        "what it has made is dead",
        SOON,
        () -> !made.isAlive() || Processes.isZombie((int) made.pid()));
  }

  private CompletableFuture<Integer> runSleep() {
    return run(1, "sleep", "90");
  }

  /** Runs a command that goes on, with some processes, until something ends it. */
  private CompletableFuture<Integer> run(int processes, String... command) {
    CompletableFuture<Integer> run =
        CompletableFuture.supplyAsync(
            () -> tasks.run(new TaskProcess(id, "x"), TaskIo.NONE, List.of(command), SOON));
    Await.until("the command", SOON, () -> tasks.pids(id, SOON).size() == 1 + processes);
    return run;
  }

  @Test
  void runOfAKilledStubEndsItsProcess() throws Exception {
    create(TaskIo.NONE, "sleep", "100");
    tasks.start(init, SOON);
    CompletableFuture<Integer> run = runSleep();

    assertThat(processWithArgument("90").parent().orElseThrow().destroyForcibly()).isTrue();

    assertThat(run.get(10, TimeUnit.SECONDS)).isEqualTo(137);
    assertThat(tasks.pids(id, SOON)).hasSize(1);
  }

  private ProcessHandle processWithArgument(String argument) {
    Await.until("it runs", SOON, () -> findWithArgument(argument).isPresent());
    return findWithArgument(argument).orElseThrow();
  }

  private Optional<ProcessHandle> findWithArgument(String argument) {
    return tasks.pids(id, SOON).stream()
        .flatMap(pid -> ProcessHandle.of(pid).stream())
        .filter(process -> lastArgument(process).equals(argument))
        .findFirst();
  }

  private static String lastArgument(ProcessHandle process) {
    try {
      String[] arguments =
          Files.readString(Path.of("/proc", Long.toString(process.pid()), "cmdline")).split("\0");
      return arguments[arguments.length - 1];
    } catch (IOException e) {
      return ""; // gone
    }
  }

  @Test
  void whatAProcessOfTheHostsPidNamespaceLeavesIsReaped() throws Exception {
    Path file = dir.resolve(id + "/rootfs/tmp/stray");
    createInHostPidNamespace("(sleep 0.2 & echo $! > /tmp/stray) & wait; exec sleep 100");
    tasks.start(init, SOON);
    Await.until("the orphan's number", SOON, () -> Files.exists(file) && Files.size(file) > 1);
    int stray = Integer.parseInt(Files.readString(file).strip());

    Await.until("it is reaped", SOON.multipliedBy(3), () -> ProcessHandle.of(stray).isEmpty());

    assertThat(tasks.state(init, SOON).status()).isEqualTo(TaskState.Status.RUNNING);
  }

  private void createInHostPidNamespace(String script) throws IOException {
    Path bundle = bundle(id, "sh", "-c", script);
    Path config = bundle.resolve("config.json");
    RuntimeSpec spec = RuntimeSpec.parse(Files.readAllBytes(config));
    Linux linux = requireNonNull(spec.linux());
    List<Namespace> namespaces =
        linux.namespaces().stream().filter(each -> !each.type().equals("pid")).toList();
    Linux shared = linux.toBuilder().namespaces(namespaces).build();
    Files.write(config, spec.toBuilder().linux(shared).build().toJson());
    tasks.create(new CreateTask(id, bundle, List.of(), TaskIo.NONE, null), SOON);
  }

  @Test
  void processThatRunsTooLongIsGoneWhenItsCallerLearns() throws Exception {
    create(TaskIo.NONE, "sleep", "100");
    tasks.start(init, SOON);
    var exec = new TaskProcess(id, "slow");

    assertFails(
        Kind.DEADLINE_EXCEEDED,
        () -> tasks.run(exec, TaskIo.NONE, List.of("sleep", "90"), Duration.ofMillis(200)));

    assertThat(tasks.pids(id, SOON)).hasSize(1);
    assertFails(Kind.NOT_FOUND, () -> tasks.state(exec, SOON));
  }

  @Test
  void logGoesOnInANewFile() throws Exception {
    Path log = dir.resolve("0.log");
    create(logger(log), "sh", "-c", "echo one; cat /tmp/gate; echo two");
    assertThat(
            new ProcessBuilder("mkfifo", dir.resolve(id + "/rootfs/tmp/gate").toString())
                .start()
                .waitFor())
        .isZero();
    tasks.start(init, SOON);
    Await.until("the first line", SOON, () -> Files.readString(log).contains("one"));
    Path old = Files.move(log, dir.resolve("0.log.old"));

    tasks.reopenLog(id, log, SOON);

    assertThat(log).isEmptyFile();
    Files.writeString(dir.resolve(id + "/rootfs/tmp/gate"), "");
    tasks.waitFor(init, SOON);
    assertThat(log).content().contains("stdout F two").doesNotContain("one");
    assertThat(old).content().contains("stdout F one").doesNotContain("two");
    tasks.delete(init, SOON);
  }

  @Test
  void execErrorsNameWhatIsWrong() throws Exception {
    create(TaskIo.NONE, "sleep", "100");
    var exec = new TaskProcess(id, "once");
    var request = new ExecTask(exec, TaskIo.NONE, BusyboxBundle.process("no-such-program"));
    tasks.exec(request, SOON);
    assertFails(Kind.ALREADY_EXISTS, () -> tasks.exec(request, SOON));
    assertFails(Kind.FAILED_PRECONDITION, () -> tasks.start(exec, SOON));
    tasks.start(init, SOON);
    assertThatThrownBy(() -> tasks.start(exec, SOON)).hasMessageContaining("process.args[0]");
    tasks.delete(exec, SOON);
    assertFails(Kind.NOT_FOUND, () -> tasks.kill(exec, 9, false, SOON));
  }

  @Test
  void shimAndStubsHaveAControlGroupOfTheirOwn() throws Exception {
    int pid = create(TaskIo.NONE, "sleep", "100");

    long stub = ProcFs.holder("berth-init", berth.taskDirectory(id)).orElseThrow();

    assertThat(berth.cgroupMembers())
        .contains(Integer.toString(tasks.connect("", SOON).shimPid()), Long.toString(stub))
        .doesNotContain(Integer.toString(pid));
  }

  @Test
  void containerThatWasNeverStartedCanBeDeleted() throws Exception {
    int pid = create(TaskIo.NONE, "true");
    CompletableFuture<TaskExit> exited = tasks.exit(init);

    tasks.delete(init, SOON);

    assertThat(exited.get(10, TimeUnit.SECONDS)).isNotNull();
    assertThat(ProcessHandle.of(pid)).isEmpty();
  }

  @Test
  void failedStartSaysWhyAndLeavesAStoppedTask() throws Exception {
    create(TaskIo.NONE, "no-such-program");

    assertThatThrownBy(() -> tasks.start(init, SOON)).hasMessageContaining("process.args[0]");

    Await.until("it is stopped", SOON, () -> tasks.state(init, SOON).isStopped());
    tasks.delete(init, SOON);
  }

  @Test
  void badRequestsAreRefusedByFieldAndLeaveNothing() throws Exception {
    assertRefused("bundle", new CreateTask(id, Path.of("relative"), List.of(), TaskIo.NONE, null));
    assertRefused("config.json", new CreateTask(id, dir, List.of(), TaskIo.NONE, null));
    assertRefused("id", new CreateTask("../x", dir, List.of(), TaskIo.NONE, null));
    var io = new TaskIo("", "http://tmp/x", "", false);
    assertRefused("stdout", new CreateTask(id, bundle(id, "true"), List.of(), io, null));
    assertFails(Kind.NOT_FOUND, () -> tasks.state(init, SOON));
    assertThat(berth.taskDirectories()).isEmpty();
  }

  private void assertRefused(String word, CreateTask request) {
    assertThatThrownBy(() -> tasks.create(request, SOON))
        .isInstanceOf(BerthException.class)
        .hasMessageContaining(word);
  }

  @Test
  void tasksAreAdoptedByTheNextShim() throws Exception {
    int pid = create(TaskIo.NONE, "sleep", "100");
    tasks.start(init, SOON);
    long before = berth.killShim(shim);

    shim = berth.shims().relaunch(shim.record(), SOON);

    assertThat(shim.tasks().connect(id, SOON))
        .satisfies(process -> {
          assertThat((long) process.shimPid()).isNotEqualTo(before);
          assertThat(process.taskPid()).isEqualTo(pid);
        });
    assertThat(shim.tasks().state(init, SOON).status()).isEqualTo(TaskState.Status.RUNNING);
    shim.tasks().kill(init, 15, false, SOON);
    shim.tasks().kill(init, 9, false, SOON);
    assertThat(shim.tasks().waitFor(init, SOON).status()).isEqualTo(137);
    shim.tasks().delete(init, SOON);
  }

  @Test
  void deleteCommandFreesAContainerWhoseShimIsGone() throws Exception {
    int pid = create(TaskIo.NONE, "sleep", "100");
    tasks.start(init, SOON);
    berth.killShim(shim);

    TaskExit exit = berth.shims().cleanUp(shim.record(), SOON);

    assertThat(exit.status()).isEqualTo(137);
    Await.until("the process is gone", SOON, () -> ProcessHandle.of(pid).isEmpty());
    assertThat(berth.taskDirectories()).isEmpty();
    assertThat(berth.shims().cleanUp(shim.record(), SOON).status()).isEqualTo(137);
  }

  @Test
  void deleteCommandAsksTheShimThatServes() throws Exception {
    create(TaskIo.NONE, "sleep", "100");
    tasks.start(init, SOON);

    assertThat(berth.shims().cleanUp(shim.record(), SOON).status()).isEqualTo(137);

    assertFails(Kind.NOT_FOUND, () -> tasks.state(init, SOON));
  }

  @Test
  void figuresOfTheContainerAreThoseOfItsCgroup() throws Exception {
    create(TaskIo.NONE, "sleep", "100");
    tasks.start(init, SOON);

    Any stats = tasks.stats(id, SOON);

    if (Cgroups.detect().version() == Cgroups.Version.V1) {
      assertThat(stats.getTypeUrl()).isEqualTo("io.containerd.cgroups.v1.Metrics");
      var metrics = dev.berth.proto.shim.cgroups.v1.Metrics.parseFrom(stats.getValue());
      assertThat(metrics.getPids().getCurrent()).isEqualTo(1);
      assertThat(metrics.getMemory().getUsage().getUsage()).isPositive();
      assertThat(metrics.getCpu().getUsage().getTotal()).isPositive();
    } else {
      assertThat(stats.getTypeUrl()).isEqualTo("io.containerd.cgroups.v2.Metrics");
      var metrics = dev.berth.proto.shim.cgroups.v2.Metrics.parseFrom(stats.getValue());
      assertThat(metrics.getPids().getCurrent()).isEqualTo(1);
      assertThat(metrics.getMemory().getUsage()).isPositive();
      assertThat(metrics.getCpu().getUsageUsec()).isPositive();
    }
  }

  @Test
  void inputThatIsClosedBeforeTheStartIsClosedAfterIt() throws Exception {
    create(TaskIo.NONE, "sleep", "100");
    tasks.start(init, SOON);
    Path in = dir.resolve("in");
    assertThat(new ProcessBuilder("mkfifo", in.toString()).start().waitFor()).isZero();
    try (var _ = new RandomAccessFile(in.toFile(), "rw")) { // whose end is no end of input
      var exec = new TaskProcess(id, "reader");
      tasks.exec(
          new ExecTask(
              exec, new TaskIo(in.toString(), "", "", false), BusyboxBundle.process("cat")),
          SOON);
      tasks.closeStdin(exec, SOON);
      Files.write(in, new byte[0]);
      CompletableFuture<TaskExit> exited = tasks.exit(exec);
      tasks.start(exec, SOON);
      assertThatThrownBy(() -> exited.get(200, TimeUnit.MILLISECONDS))
          .isInstanceOf(TimeoutException.class);
    }
    assertThat(tasks.waitFor(new TaskProcess(id, "reader"), SOON).status()).isZero();
  }

  @Test
  void shutdownEndsAShimWithoutContainersOnly() throws Exception {
    create(TaskIo.NONE, "sleep", "100");
    tasks.start(init, SOON);
    tasks.shutdown(id, true, SOON);
    tasks.kill(init, 9, false, SOON);
    tasks.waitFor(init, SOON);
    tasks.delete(init, SOON);

    tasks.shutdown(id, false, SOON);
    assertThat(shim.isLost()).as("one that stays a while for the next container").isFalse();

    tasks.shutdown(id, true, SOON);

    assertThat(shim.lost().get(10, TimeUnit.SECONDS)).isNotNull();
    assertThat(Path.of(shim.record().address().substring("unix://".length()))).doesNotExist();
  }

  private static void assertFails(Kind kind, Runnable action) {
    assertThatThrownBy(action::run)
        .isInstanceOf(BerthException.class)
        .extracting(e -> ((BerthException) e).kind())
        .isEqualTo(kind);
  }
}
