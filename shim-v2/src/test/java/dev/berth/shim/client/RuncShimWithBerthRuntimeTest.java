package dev.berth.shim.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.gson.JsonParser;
import com.google.protobuf.Any;
import com.google.protobuf.ByteString;
import dev.berth.base.BerthException.Kind;
import dev.berth.shim.testing.BerthShim;
import dev.berth.shim.testing.BusyboxBundle;
import dev.berth.shim.testing.FifoReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/**
 * Containerd's own shim with {@code berth-runtime} in the place of runc: all that it does with the
 * latter, and what it asks of a runtime beside that.
 */
class RuncShimWithBerthRuntimeTest extends RuncShimTest {

  @Override
  Any options() {
    return runtime(
        "%s --enable-native-access=ALL-UNNAMED -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xmx96m"
                .formatted(ProcessHandle.current().info().command().orElseThrow())
            + " -XX:-UsePerfData -Dberth.init=%s -cp %s dev.berth.runtime.cli.RuntimeCli"
                .formatted(BerthShim.berthInit(), System.getProperty("java.class.path")));
  }

  @Override
  @AfterEach
  void cleanUp() throws IOException {
    super.cleanUp();
    assertThat(records().resolve("berth-test").resolve(id)).doesNotExist();
  }

  @Test
  void containerIsPausedAndGoesOn() {
    createAndStart();
    shim.tasks().pause(id, SOON);
    assertThat(shim.tasks().state(init, SOON).status()).isEqualTo(TaskState.Status.PAUSED);
    shim.tasks().resume(id, SOON);
    assertThat(shim.tasks().state(init, SOON).status()).isEqualTo(TaskState.Status.RUNNING);
  }

  @Test
  void limitsAreChangedInPlace() throws IOException {
    createAndStart();
    int pid = shim.tasks().state(init, SOON).pid();

    shim.tasks().update(id, ByteString.copyFromUtf8("{\"pids\": {\"limit\": 77}}"), Map.of(), SOON);

    assertThat(Files.readString(pidsLimit(pid)).strip()).isEqualTo("77");
  }

  private static Path pidsLimit(int pid) throws IOException {
    for (String line : Files.readAllLines(Path.of("/proc/" + pid + "/cgroup"))) {
      String[] fields = line.split(":", 3);
      if (fields[1].isEmpty() || fields[1].equals("pids")) {
        return Path.of("/sys/fs/cgroup", fields[1], fields[2], "pids.max");
      }
    }
    throw new AssertionError("pid " + pid + " is in no cgroup that counts processes");
  }

  @Test
  void programThatIsMissingIsWhatCreateFailsOf() throws IOException {
    bundleWith("nosuch");
    assertThatThrownBy(() -> create(TaskIo.NONE))
        .hasMessageContaining("exec \"nosuch\": executable file not found in $PATH");
  }

  private void bundleWith(String... arguments) throws IOException {
    var container =
        BusyboxBundle.create(dir.resolve("other"), "/berth-test-" + id.substring(0, 12), arguments);
    Files.copy(
        container.directory().resolve("config.json"),
        bundle.resolve("config.json"),
        StandardCopyOption.REPLACE_EXISTING);
  }

  @Test
  void endedContainerCannotBeKilledAgain() {
    createAndStart();
    shim.tasks().kill(init, 9, false, SOON);
    shim.tasks().waitFor(init, SOON);
    assertFails(Kind.NOT_FOUND, () -> shim.tasks().kill(init, 9, false, SOON));
  }

  @Test
  void createdContainerIsKilledAndItsEndLearnt() {
    create(TaskIo.NONE);
    shim.tasks().kill(init, 9, false, SOON);
    assertThat(shim.tasks().waitFor(init, SOON).status()).isEqualTo(137);
    shim.tasks().delete(init, SOON);
  }

  @Test
  void commandOnATerminal() throws Exception {
    createAndStart();
    var exec = new TaskProcess(id, "terminal");
    var out = new FifoReader(dir.resolve("out"));
    shim.tasks()
        .exec(
            new ExecTask(
                exec,
                new TaskIo("", out.path().toString(), "", true),
                onTerminal(BusyboxBundle.process("sh", "-c", "test -t 0 && echo yes; exit 5"))),
            SOON);
    CompletableFuture<TaskExit> exited = shim.tasks().exit(exec);
    shim.tasks().start(exec, SOON);

    assertThat(exited.get(20, TimeUnit.SECONDS).status()).isEqualTo(5);
    shim.tasks().delete(exec, SOON);
    assertThat(out.content()).isEqualTo("yes\r\n");
  }

  private static ByteString onTerminal(ByteString process) {
    var json = JsonParser.parseString(process.toStringUtf8()).getAsJsonObject();
    json.addProperty("terminal", true);
    return ByteString.copyFromUtf8(json.toString());
  }

  @Test
  void failedCommandSaysWhy() {
    createAndStart();
    var exec = new TaskProcess(id, "missing");
    shim.tasks().exec(new ExecTask(exec, TaskIo.NONE, BusyboxBundle.process("nosuch")), SOON);
    assertThatThrownBy(() -> shim.tasks().start(exec, SOON))
        .hasMessageContaining("executable file not found in $PATH");
  }

  @Test
  void processesOfTheContainerAreListed() {
    createAndStart();
    assertThat(shim.tasks().pids(id, SOON))
        .isEqualTo(List.of(shim.tasks().state(init, SOON).pid()));
  }
}
