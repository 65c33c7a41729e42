package dev.berth.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.proto.cri.v1.AttachRequest;
import dev.berth.proto.cri.v1.ContainerConfig;
import dev.berth.proto.cri.v1.ContainerState;
import dev.berth.proto.cri.v1.ExecRequest;
import dev.berth.proto.cri.v1.ExecSyncResponse;
import dev.berth.proto.cri.v1.PodSandboxConfig;
import dev.berth.testing.Await;
import dev.berth.testing.RequiresRoot;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** {@code berth shim upgrade} replaces the shim under running containers: nothing stops. */
@RequiresRoot
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class ShimUpgradeTest {
  private static final Duration LIMIT = Duration.ofSeconds(30);
  private static final int LINES = 20_000;
  private static final String COUNT =
      "i=0; while [ $i -lt " + LINES + " ]; do echo line-$i; i=$((i+1)); done; exit 9";

  @TempDir private static Path directory;
  private PodNode started;
  private Pods pods;
  private PodSandboxConfig config;
  private String pod;

  @BeforeAll
  void start() throws Exception {
    started = PodNode.start(directory);
    pods = started.pods();
    config = pods.config("pod");
    pod = pods.run(config);
  }

  @AfterAll
  void stop() throws Exception {
    started.close();
  }

  private Command upgrade() {
    return started.node().berth("shim", "upgrade").succeeded();
  }

  private static boolean isShim(long pid) {
    return ProcessHandle.of(pid).stream()
        .anyMatch(process -> BerthNode.commandLine(process).contains("ShimMain"));
  }

  private String launch(String name, String script) {
    return pods.launch(pod, config, Pods.shell(name, started.image(), script));
  }

  private String pidInside(String id) {
    return pods.exec(id, 10, "readlink", "/proc/1/ns/pid").getStdout().toStringUtf8();
  }

  @Test
  void containersGoOnUnderAnotherShim() throws Exception {
    String sleeper = launch("sleeper", "sleep 1000");
    String writer = launch("writer", COUNT);
    String created = pods.create(pod, config, Pods.shell("later", started.image(), "exit 3"));
    String namespace = pidInside(sleeper);

    List<Long> pids =
        Pattern.compile("pid (\\d+)")
            .matcher(upgrade().stdout())
            .results()
            .map(found -> Long.valueOf(found.group(1)))
            .toList();

    assertThat(pids).doesNotHaveDuplicates().hasSize(2);
    Await.until("the old one has ended", LIMIT, () -> !isShim(pids.getFirst()));
    assertThat(isShim(pids.getLast())).isTrue();
    assertThat(pods.status(sleeper).getState()).isEqualTo(ContainerState.CONTAINER_RUNNING);
    assertThat(pidInside(sleeper)).isEqualTo(namespace);
    assertThat(pods.awaitExit(writer).getExitCode()).isEqualTo(9);
    assertThat(pods.logText(writer, "stdout"))
        .isEqualTo(IntStream.range(0, LINES).mapToObj(i -> "line-" + i).toList());
    pods.start(created);
    assertThat(pods.awaitExit(created).getExitCode()).isEqualTo(3);
    String fresh = launch("fresh", "exit 4");
    assertThat(pods.awaitExit(fresh).getExitCode()).isEqualTo(4);
    pods.stopContainer(sleeper, 0);
    assertThat(pods.awaitExit(sleeper).getExitCode()).isEqualTo(137);
    List.of(sleeper, writer, created, fresh).forEach(pods::removeContainer);
  }

  @Test
  void exitsMeanwhileAreLearnt() throws Exception {
    List<String> ids =
        IntStream.range(0, 8)
            .mapToObj(i -> launch("ends-" + i, "sleep 0." + i + "; exit " + i))
            .toList();

    upgrade();

    for (int i = 0; i < ids.size(); i++) {
      assertThat(pods.awaitExit(ids.get(i)).getExitCode()).isEqualTo(i);
      pods.removeContainer(ids.get(i));
    }
  }

  @Test
  void commandInProgressIsWaitedFor() throws Exception {
    String id = launch("main-1", "sleep 1000");
    CompletableFuture<ExecSyncResponse> slow =
        CompletableFuture.supplyAsync(
            () -> pods.exec(id, 20, "sh", "-c", "touch /begun; sleep 2; echo done; exit 5"));
    Await.until("it runs", LIMIT, () -> pods.exec(id, 10, "ls", "/begun").getExitCode() == 0);

    upgrade();

    ExecSyncResponse answer = slow.get(20, TimeUnit.SECONDS);
    assertThat(answer.getStdout().toStringUtf8()).isEqualTo("done\n");
    assertThat(answer.getExitCode()).isEqualTo(5);
    pods.removeContainer(id);
  }

  @Test
  void commandsThatComeMeanwhileWait() throws Exception {
    String id = launch("main-2", "sleep 1000");
    CompletableFuture<Command> upgrade = CompletableFuture.supplyAsync(this::upgrade);
    int answered = 0;
    while (!upgrade.isDone()) {
      assertThat(pods.exec(id, 20, "true").getExitCode()).isZero();
      answered++;
    }
    assertThat(upgrade.get().exitCode()).isZero();
    assertThat(answered).isPositive();
    pods.removeContainer(id);
  }

  @Test
  void commandThatTakesTooLongFailsWithOneError() {
    String id = launch("main-3", "sleep 1000");
    CompletableFuture<ExecSyncResponse> slow =
        CompletableFuture.supplyAsync(
            () -> pods.exec(id, 25, "sh", "-c", "touch /begun; sleep 100"));
    Await.until("it runs", LIMIT, () -> pods.exec(id, 10, "ls", "/begun").getExitCode() == 0);

    upgrade();

    assertThatThrownBy(slow::join)
        .cause()
        .isInstanceOf(StatusRuntimeException.class)
        .satisfies(e ->
            assertThat(((StatusRuntimeException) e).getStatus().getCode())
                .isEqualTo(Status.Code.UNAVAILABLE));
    pods.removeContainer(id);
  }

  @Test
  void streamsGoOn() throws Exception {
    ContainerConfig echo =
        Pods.shell("echo", started.image(), "while read x; do echo got $x; done");
    String id = pods.launch(pod, config, echo.toBuilder().setStdin(true).build());
    try (var attached = new WebSocketClient(attachUrl(id), "v5.channel.k8s.io");
        var command = new WebSocketClient(execUrl(id), "v5.channel.k8s.io")) {
      attached.send("stdin", "one\n");
      attached.awaitText("stdout", "got one");
      command.awaitText("stdout", "begun");

      upgrade();

      attached.send("stdin", "two\n");
      attached.awaitText("stdout", "got two");
      command.send("stdin", "three\n");
      assertThat(command.status().get("details").toString()).contains("\"message\":\"6\"");
      assertThat(command.text("stdout")).isEqualTo("begun\nread three\n");
    }
    pods.removeContainer(id);
  }

  private String attachUrl(String id) {
    var request =
        AttachRequest.newBuilder().setContainerId(id).setStdin(true).setStdout(true).build();
    return started.node().runtime().attach(request).getUrl();
  }

  private String execUrl(String id) {
    var request =
        ExecRequest.newBuilder()
            .setContainerId(id)
            .addAllCmd(List.of("sh", "-c", "echo begun; read x; echo read $x; exit 6"))
            .setStdin(true)
            .setStdout(true)
            .setStderr(true);
    return started.node().runtime().exec(request.build()).getUrl();
  }

  @Test
  void handlerThatIsNotThereIsNamed() {
    Command failed = started.node().berth("shim", "upgrade", "nosuch");
    assertThat(failed.exitCode()).isNotZero();
    assertThat(failed.stderr()).contains("nosuch");
  }
}
