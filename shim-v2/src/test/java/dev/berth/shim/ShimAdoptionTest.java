package dev.berth.shim;

import static org.assertj.core.api.Assertions.assertThat;

import dev.berth.base.Ids;
import dev.berth.shim.client.CreateTask;
import dev.berth.shim.client.ExecTask;
import dev.berth.shim.client.Shim;
import dev.berth.shim.client.TaskExit;
import dev.berth.shim.client.TaskIo;
import dev.berth.shim.client.TaskProcess;
import dev.berth.shim.client.TaskState;
import dev.berth.shim.testing.BerthShim;
import dev.berth.shim.testing.BusyboxBundle;
import dev.berth.shim.testing.ProcFs;
import dev.berth.testing.Await;
import dev.berth.testing.RequiresRoot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * What a shim makes of containers whose berth-init stands still, is gone and cannot be replaced, or
 * whose record is unreadable: it serves all others at once, and these as soon as it can.
 */
@RequiresRoot
class ShimAdoptionTest {
  private static final Duration SOON = Duration.ofSeconds(15);
  private static final int SIGTERM = 15;
  private static final int CODE = 7;
  private static final String ENDS_BY_TERM =
      "trap 'exit " + CODE + "' TERM; while :; do sleep 0.05; done";

  @TempDir Path dir;
  private final List<Long> stopped = new ArrayList<>();
  private BerthShim berth;
  private Shim shim;

  /** A container that runs. */
  private record Running(TaskProcess init, int pid) {
    /** Its parent. */
    long stub() throws IOException {
      return Long.parseLong(ProcFs.stat(pid, 4));
    }
  }

  @BeforeEach
  void launchShim() throws IOException {
    berth = BerthShim.prepare(dir);
    launch();
  }

  @AfterEach
  void cleanUp() throws Exception {
    for (long pid : stopped) {
      if (!ProcFs.hasEnded(pid)) {
        signal("CONT", pid);
      }
    }
    berth.close();
  }

  private void launch() {
    shim = berth.shims().launch(berth.binary().toString(), "launcher", dir, null, SOON);
  }

  private Running run() throws IOException {
    String id = Ids.generate();
    Path directory = Files.createDirectories(dir.resolve(id));
    String cgroup = "/berth-test-" + id.substring(0, 12);
    Path bundle = BusyboxBundle.create(directory, cgroup, "sh", "-c", ENDS_BY_TERM).directory();
    TaskProcess init = TaskProcess.init(id);
    shim.tasks().create(new CreateTask(id, bundle, List.of(), TaskIo.NONE, null), SOON);
    return new Running(init, shim.tasks().start(init, SOON));
  }

  private static void signal(String name, long pid) throws Exception {
    Process kill = new ProcessBuilder("kill", "-" + name, Long.toString(pid)).start();
    assertThat(kill.waitFor()).isZero();
  }

  private void stop(long pid) throws Exception {
    stopped.add(pid);
    signal("STOP", pid);
  }

  private TaskState.Status status(Running container) {
    return shim.tasks().state(container.init(), SOON).status();
  }

  private TaskExit end(Running container) throws Exception {
    CompletableFuture<TaskExit> exit = shim.tasks().exit(container.init());
    shim.tasks().kill(container.init(), SIGTERM, false, SOON);
    return exit.get(SOON.toSeconds(), TimeUnit.SECONDS);
  }

  @Test
  void stubsThatStandStillHoldUpNobodyAndNothingOfTheirsIsLost() throws Exception {
    Running other = run();
    List<Running> frozen = List.of(run(), run(), run());
    var exec = new TaskProcess(frozen.getFirst().init().containerId(), "sleeper");
    shim.tasks().exec(new ExecTask(exec, TaskIo.NONE, BusyboxBundle.process("sleep", "100")), SOON);
    int execPid = shim.tasks().start(exec, SOON);
    for (Running container : frozen) {
      stop(container.stub());
    }
    stop(Long.parseLong(ProcFs.stat(execPid, 4)));
    berth.killShim(shim);

    launch();

    assertThat(end(other).status()).isEqualTo(CODE);
    List<CompletableFuture<TaskExit>> exits = new ArrayList<>();
    for (Running container : frozen) {
      assertThat(status(container)).isEqualTo(TaskState.Status.RUNNING);
      exits.add(shim.tasks().exit(container.init()));
      shim.tasks().kill(container.init(), SIGTERM, false, SOON);
    }
    assertThat(exits).noneMatch(CompletableFuture::isDone);
    for (long stub : stopped) {
      signal("CONT", stub);
    }
    for (CompletableFuture<TaskExit> exit : exits) {
      assertThat(exit.get(SOON.toSeconds(), TimeUnit.SECONDS).status()).isEqualTo(CODE);
    }
  }

  @Test
  void containerWhoseStubCannotBeReplacedYetHidesNoOther() throws Exception {
    Running other = run();
    Running unlucky = run();
    Path record = berth.taskDirectory(unlucky.init().containerId()).resolve("exit");
    Path away = record.resolveSibling("away");
    Files.move(record, away);
    long stub = unlucky.stub();
    berth.killShim(shim);
    Path begun = Files.createDirectory(record.getParent().resolveSibling("begun"));
    Files.createFile(begun.resolve("config.json")); // and killed before it was written
    signal("KILL", stub);
    Await.until("the stub has ended", SOON, () -> ProcFs.hasEnded(stub));

    launch();

    assertThat(begun).doesNotExist();
    assertThat(end(other).status()).isEqualTo(CODE);
    assertThat(ProcFs.hasEnded(unlucky.pid())).isFalse();
    Files.move(away, record);
    Await.until(
        "the stub is replaced",
        SOON,
        () -> ProcFs.holder("berth-init", record.getParent()).isPresent());
    assertThat(end(unlucky).status()).isEqualTo(CODE);
  }

  @Test
  void containerThatCannotBeUnderstoodIsDeletedAllTheSame() throws Exception {
    Running other = run();
    Running unreadable = run();
    String id = unreadable.init().containerId();
    Path directory = berth.taskDirectory(id);
    long stub = unreadable.stub();
    berth.killShim(shim);
    Files.writeString(directory.resolve("task.json"), "{");

    launch();
    assertThat(status(other)).isEqualTo(TaskState.Status.RUNNING);
    berth.delete(id);

    Await.until("it has ended", SOON, () -> ProcFs.hasEnded(unreadable.pid()));
    Await.until("its stub has ended", SOON, () -> ProcFs.hasEnded(stub));
    assertThat(directory).doesNotExist();
    assertThat(status(other)).isEqualTo(TaskState.Status.RUNNING);
  }
}
