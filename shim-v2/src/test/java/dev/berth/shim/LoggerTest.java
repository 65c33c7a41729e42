package dev.berth.shim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.base.BerthException;
import dev.berth.base.Ids;
import dev.berth.shim.client.CreateTask;
import dev.berth.shim.client.ExecTask;
import dev.berth.shim.client.Shim;
import dev.berth.shim.client.TaskClient;
import dev.berth.shim.client.TaskIo;
import dev.berth.shim.client.TaskProcess;
import dev.berth.shim.testing.BerthShim;
import dev.berth.shim.testing.BusyboxBundle;
import dev.berth.testing.Await;
import dev.berth.testing.RequiresRoot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Output to programs and files of the creator's choice, as containerd names them. */
@RequiresRoot
@Timeout(60)
class LoggerTest {
  private static final Duration SOON = Duration.ofSeconds(10);

  @TempDir Path dir;
  private final String id = Ids.generate();
  private final TaskProcess init = TaskProcess.init(id);
  private BerthShim berth;
  private TaskClient tasks;

  @BeforeEach
  void launchShim() throws IOException {
    berth = BerthShim.prepare(dir);
    Files.createDirectories(dir.resolve(id));
    Shim shim = berth.shims().launch(berth.binary().toString(), id, dir.resolve(id), null, SOON);
    tasks = shim.tasks();
  }

  @AfterEach
  void cleanUp() throws Exception {
    berth.close();
  }

  @Test
  void programGetsBothStreamsItsNamesAndItsArguments() throws Exception {
    Path out = dir.resolve("out");
    Path logger =
        script(
            """
            echo "$CONTAINER_NAMESPACE $CONTAINER_ID $*" >%1$s
            echo before >>%1$s
            exec 5>&-
            cat <&3 >>%1$s
            cat <&4 >>%1$s
            echo ended >>%1$s
            """
                .formatted(out));
    run(TaskIo.logger("binary://" + logger + "?some=thing&more", false), "echo one; echo two >&2");

    Await.until("the logger has ended", SOON, () -> Files.readString(out).endsWith("ended\n"));
    assertThat(out).hasContent("berth-test " + id + " some thing more \nbefore\none\ntwo\nended\n");
    awaitNoLogger();
  }

  @Test
  void fileGetsEveryByte() throws Exception {
    Path out = dir.resolve("out");
    int lines = 100_000;
    Files.writeString(out, "there before\n");
    run(TaskIo.logger("file://" + out, false), "seq 1 " + lines + "; echo -n unfinished");

    String counted =
        IntStream.rangeClosed(1, lines).mapToObj(i -> i + "\n").collect(Collectors.joining());
    String expected = "there before\n" + counted + "unfinished";
    Await.until("all is there", SOON, () -> Files.size(out) >= expected.length());
    assertThat(Files.readString(out).equals(expected)).isTrue();
    awaitNoLogger();
  }

  @Test
  void commandHasALoggerOfItsOwn() throws Exception {
    Path own = dir.resolve("own");
    Path out = dir.resolve("out");
    create(TaskIo.logger("file://" + own, false), "sleep 100");
    tasks.start(init, SOON);
    var command = new TaskProcess(id, "command");
    TaskIo io = TaskIo.logger("file://" + out, false);

    tasks.exec(
        new ExecTask(command, io, BusyboxBundle.process("sh", "-c", "echo one; echo two >&2")),
        SOON);
    tasks.start(command, SOON);
    assertThat(tasks.waitFor(command, SOON).status()).isZero();
    tasks.delete(command, SOON);
    Await.until("all is there", SOON, () -> Files.size(out) == "one\ntwo\n".length());
    assertThat(out).content().hasLineCount(2).contains("one\n", "two\n");

    var neverRun = new TaskProcess(id, "never-run");
    tasks.exec(new ExecTask(neverRun, io, BusyboxBundle.process("true")), SOON);
    tasks.delete(neverRun, SOON);
    tasks.kill(init, 9, false, SOON);
    assertThat(tasks.waitFor(init, SOON).status()).isEqualTo(137);
    tasks.delete(init, SOON);
    assertThat(own).isEmptyFile();
    awaitNoLogger();
  }

  @Test
  void terminalGoesToAProgramToo() throws Exception {
    Path out = dir.resolve("out");
    Path logger = script("exec 5>&-\ncat <&3 >%s\n".formatted(out));
    run(TaskIo.logger("binary://" + logger, true), "stty size; echo bye");

    Await.until("it has come", SOON, () -> Files.readString(out).endsWith("bye\r\n"));
    awaitNoLogger();
  }

  /** The container learns of it as of any closed pipe; nothing hangs. */
  @Test
  void loggerThatDiesDoesNotHoldTheContainerUp() throws Exception {
    Path logger = script("exec 5>&-\nread line <&3\n");
    create(TaskIo.logger("binary://" + logger, false), "yes");
    tasks.start(init, SOON);

    assertThat(tasks.waitFor(init, SOON).status()).isNotZero();
    awaitNoLogger();
  }

  @Test
  void programThatIsNotThereIsNamed() throws Exception {
    assertThatThrownBy(() -> create(TaskIo.logger("binary:///no/such", false), "true"))
        .isInstanceOf(BerthException.class)
        .hasMessageContaining("stdout")
        .hasMessageContaining("/no/such");
    awaitNoLogger();
  }

  private void run(TaskIo io, String script) throws IOException {
    create(io, script);
    tasks.start(init, SOON);
    assertThat(tasks.waitFor(init, SOON).status()).isZero();
    tasks.delete(init, SOON);
  }

  private void create(TaskIo io, String script) throws IOException {
    String cgroup = "/berth-test-" + id.substring(0, 12);
    var bundle = BusyboxBundle.create(dir.resolve(id), cgroup, "sh", "-c", script);
    if (io.terminal()) {
      bundle.withTerminal();
    }
    tasks.create(new CreateTask(id, bundle.directory(), List.of(), io, null), SOON);
  }

  private Path script(String body) throws IOException {
    Path file = dir.resolve("logger");
    Files.writeString(file, "#!/bin/sh\n" + body);
    return Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwx------"));
  }

  private void awaitNoLogger() throws IOException {
    Path run = dir.resolve("run/shim");
    Await.until(
        "nothing of the logger is left",
        SOON,
        () -> {
          try (var tree = Files.walk(run, 3)) {
            return tree.noneMatch(path -> path.getParent().endsWith("loggers"));
          }
        });
  }
}
