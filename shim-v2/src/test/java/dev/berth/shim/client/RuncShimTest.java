package dev.berth.shim.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.Any;
import dev.berth.base.AtomicFiles;
import dev.berth.base.BerthException;
import dev.berth.base.BerthException.Kind;
import dev.berth.base.Ids;
import dev.berth.proto.shim.runc.v1.Options;
import dev.berth.shim.testing.BerthShim;
import dev.berth.shim.testing.BusyboxBundle;
import dev.berth.shim.testing.FifoReader;
import dev.berth.shim.testing.ProcFs;
import dev.berth.testing.Await;
import dev.berth.testing.RequiresRoot;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Drives containerd's own shim for runc, as a stranger would be driven. */
@RequiresRoot
@Timeout(120)
class RuncShimTest {
  static final Duration SOON = Duration.ofSeconds(20);
  private static final String RUNTIME = "io.containerd.runc.v2";

  @TempDir Path dir;
  final String id = Ids.generate();
  final TaskProcess init = TaskProcess.init(id);
  private final List<ShimEvent> events = new CopyOnWriteArrayList<>();
  private ShimEvents eventServer;
  private Shims shims;
  Shim shim;
  Path bundle;
  private long shimPid;

  @BeforeEach
  void launchShim() throws IOException {
    bundle = dir.resolve(id);
    BusyboxBundle.create(bundle, "/berth-test-" + id.substring(0, 12), "sleep", "100");
    startClient();
    shim = shims.launch(RUNTIME, id, bundle, options(), SOON);
    shimPid = shim.tasks().connect(id, SOON).shimPid();
  }

  /** What the shim is told beside its arguments; null for runc as it is found in PATH. */
  @Nullable Any options() {
    return null;
  }

  /** Returns options that name another runtime than runc, by its command line. */
  final Any runtime(String command) {
    Path program = dir.resolve("runtime");
    try {
      Files.writeString(program, "#!/bin/sh\nexec " + command + " \"$@\"\n");
      Files.setPosixFilePermissions(program, PosixFilePermissions.fromString("rwx------"));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return Any.newBuilder()
        .setTypeUrl("containerd.runc.v1.Options")
        .setValue(
            Options.newBuilder()
                .setBinaryName(program.toString())
                .setRoot(records().toString())
                .build()
                .toByteString())
        .build();
  }

  /** Returns how a runtime's list of processes calls the container's first one. */
  int listedPid(int pid) {
    return pid;
  }

  /** Where such a runtime keeps what it knows of containers. */
  final Path records() {
    return dir.resolve("records");
  }

  private void startClient() {
    Path socket = dir.resolve("events.sock");
    eventServer = ShimEvents.listen(socket, "berth-test", events::add);
    shims =
        new Shims(
            new ShimSettings(
                "berth-test",
                dir.resolve("berth.sock").toString(),
                socket,
                Path.of("/bin/true"),
                List.of(),
                false));
  }

  @AfterEach
  void cleanUp() throws IOException {
    ProcessHandle.of(shimPid).ifPresent(ProcessHandle::destroyForcibly);
    Await.until("the shim has ended", SOON, () -> ProcFs.hasEnded(shimPid));
    shims.cleanUp(shim.record(), SOON);
    shims.close();
    eventServer.close();
    Files.deleteIfExists(Path.of(shim.record().address().substring("unix://".length())));
    AtomicFiles.deleteTree(bundle);
  }

  /** What the shim made for all of its kind; others may be in there. */
  @AfterAll
  static void removeEmptyDirectories() throws IOException {
    Path run = Path.of("/run/containerd");
    for (String name : List.of("runc/berth-test", "runc", "s", ".")) {
      try {
        Files.deleteIfExists(run.resolve(name).normalize());
      } catch (DirectoryNotEmptyException e) {
        // of another test or program
      }
    }
  }

  void create(TaskIo io) {
    assertThat(shim.tasks().create(new CreateTask(id, bundle, List.of(), io, options()), SOON))
        .isPositive();
  }

  void createAndStart() {
    create(TaskIo.NONE);
    shim.tasks().start(init, SOON);
  }

  @Test
  void containerLivesThroughItsStates() {
    create(TaskIo.NONE);
    assertThat(shim.tasks().state(init, SOON).status()).isEqualTo(TaskState.Status.CREATED);

    int pid = shim.tasks().start(init, SOON);
    assertThat(shim.tasks().state(init, SOON).status()).isEqualTo(TaskState.Status.RUNNING);
    assertThat(shim.tasks().pids(id, SOON)).contains(listedPid(pid));

    shim.tasks().kill(init, 9, false, SOON);
    TaskExit exit = shim.tasks().waitFor(init, SOON);
    assertThat(exit.status()).isEqualTo(137);
    assertThat(exit.exitedAt()).isBetween(Instant.now().minusSeconds(30), Instant.now());
    assertThat(shim.tasks().state(init, SOON).isStopped()).isTrue();
    assertThat(shim.tasks().delete(init, SOON))
        .extracting(TaskExit::pid, TaskExit::status)
        .containsExactly(pid, 137);
    assertFails(Kind.NOT_FOUND, () -> shim.tasks().state(init, SOON));
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void berthInitWritesTheLogOfAForeignShim(boolean terminal) throws Exception {
    Path log = dir.resolve("0.log");
    var container =
        BusyboxBundle.create(
            dir.resolve("logged"),
            "/berth-test-" + id.substring(0, 12),
            "sh",
            "-c",
            "echo out; echo -n err >&2");
    if (terminal) {
      container.withTerminal();
    }
    Files.copy(
        container.directory().resolve("config.json"),
        bundle.resolve("config.json"),
        StandardCopyOption.REPLACE_EXISTING);
    create(TaskIo.logger("binary://" + BerthShim.berthInit() + "?log=" + log, terminal));
    shim.tasks().start(init, SOON);
    assertThat(shim.tasks().waitFor(init, SOON).status()).isZero();
    shim.tasks().delete(init, SOON); // by which the logger reads the end

    Await.until("both lines", SOON, () -> Files.readAllLines(log).size() == 2);
    assertThat(Files.readAllLines(log))
        .extracting(line -> line.substring(line.indexOf(' ') + 1).strip())
        .containsExactlyInAnyOrder(
            terminal
                ? new String[] {"stdout F out", "stdout P err"}
                : new String[] {"stdout F out", "stderr P err"});
  }

  @Test
  void execRunsAndItsOutputComesThroughFifos() throws Exception {
    createAndStart();
    var exec = new TaskProcess(id, "greeting");
    var out = new FifoReader(dir.resolve("out"));
    var err = new FifoReader(dir.resolve("err"));

    shim.tasks()
        .exec(
            new ExecTask(
                exec,
                TaskIo.output(out.path(), err.path()),
                BusyboxBundle.process("sh", "-c", "echo hello; echo bad >&2; exit 3")),
            SOON);
    CompletableFuture<TaskExit> exited = shim.tasks().exit(exec);
    shim.tasks().start(exec, SOON);

    assertThat(exited.get(10, TimeUnit.SECONDS).status()).isEqualTo(3);
    assertThat(shim.tasks().delete(exec, SOON).status()).isEqualTo(3);
    assertThat(out.content()).isEqualTo("hello\n");
    assertThat(err.content()).isEqualTo("bad\n");
  }

  @Test
  void eventsArriveInOrder() {
    createAndStart();
    shim.tasks().kill(init, 9, true, SOON);
    shim.tasks().waitFor(init, SOON);
    shim.tasks().delete(init, SOON);

    Await.until("the last event", SOON, () -> events.size() >= 4);
    assertThat(events)
        .extracting(Object::getClass)
        .containsExactly(
            ShimEvent.Created.class,
            ShimEvent.Started.class,
            ShimEvent.Exited.class,
            ShimEvent.Deleted.class);
    assertThat(events).extracting(ShimEvent::containerId).containsOnly(id);
    assertThat(((ShimEvent.Exited) events.get(2)).exit().status()).isEqualTo(137);
  }

  @Test
  void shimIsAdoptedAfterItsClientWasReplaced() {
    createAndStart();
    int pid = shim.tasks().state(init, SOON).pid();
    String stored = shim.record().toJson();
    shims.close();
    eventServer.close();

    startClient();
    shim = shims.adopt(ShimRecord.fromJson(stored), SOON);

    assertThat(shim.tasks().state(init, SOON))
        .extracting(TaskState::status, TaskState::pid)
        .containsExactly(TaskState.Status.RUNNING, pid);
    events.clear();
    shim.tasks().kill(init, 9, false, SOON);
    Await.until("an exit event at the new client", SOON, this::hasExited);
    shim.tasks().delete(init, SOON);
  }

  private boolean hasExited() {
    return events.stream().anyMatch(ShimEvent.Exited.class::isInstance);
  }

  @Test
  void lostShimIsNoticedAndItsContainerCleanedUp() throws Exception {
    createAndStart();
    int pid = shim.tasks().state(init, SOON).pid();
    CompletableFuture<TaskExit> exited = shim.tasks().exit(init);

    ProcessHandle.of(shimPid).orElseThrow().destroyForcibly();

    assertThat(shim.lost().get(10, TimeUnit.SECONDS).kind()).isEqualTo(Kind.UNAVAILABLE);
    assertThatThrownBy(() -> exited.get(10, TimeUnit.SECONDS))
        .hasCauseInstanceOf(BerthException.class);
    // The kernel closes the dying shim's connection before its listening socket.
    Await.until("nobody answers", SOON, () -> isUnavailable(shim.record()));
    assertThat(shims.cleanUp(shim.record(), SOON).status()).isEqualTo(137);
    Await.until("the container is gone", SOON, () -> ProcFs.hasEnded(pid));
  }

  @Test
  void shimOfTheSameSandboxIsShared() throws Exception {
    String other = Ids.generate();
    Path otherBundle = dir.resolve(other);
    BusyboxBundle.create(otherBundle, "/berth-test-" + other.substring(0, 12), "true")
        .annotate("io.kubernetes.cri.sandbox-id", id);

    Shim second = shims.launch(RUNTIME, other, otherBundle, options(), SOON);

    assertThat(second.record().address()).isEqualTo(shim.record().address());
    assertThat(second.tasks().connect(id, SOON).shimPid()).isEqualTo((int) shimPid);
  }

  @Test
  void errorsOfTheShimKeepTheirKind() {
    assertFails(Kind.NOT_FOUND, () -> shim.tasks().state(init, SOON));
    createAndStart();
    var exec = new TaskProcess(id, "once");
    var request = new ExecTask(exec, TaskIo.NONE, BusyboxBundle.process("true"));
    assertFails(Kind.NOT_FOUND, () -> shim.tasks().kill(exec, 9, false, SOON));
    shim.tasks().exec(request, SOON);
    assertFails(Kind.ALREADY_EXISTS, () -> shim.tasks().exec(request, SOON));
  }

  private boolean isUnavailable(ShimRecord record) {
    try {
      var _ = shims.adopt(record, SOON);
      return false;
    } catch (BerthException e) {
      return e.kind() == Kind.UNAVAILABLE;
    }
  }

  static void assertFails(Kind kind, Runnable action) {
    assertThatThrownBy(action::run)
        .isInstanceOf(BerthException.class)
        .extracting(e -> ((BerthException) e).kind())
        .isEqualTo(kind);
  }
}
