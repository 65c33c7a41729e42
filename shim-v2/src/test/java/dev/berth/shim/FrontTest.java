package dev.berth.shim;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import dev.berth.proto.shim.bootstrap.v1.BootstrapParams;
import dev.berth.proto.shim.bootstrap.v1.BootstrapResult;
import dev.berth.proto.shim.task.v3.DeleteResponse;
import dev.berth.shim.client.CreateTask;
import dev.berth.shim.client.Shim;
import dev.berth.shim.client.TaskIo;
import dev.berth.shim.testing.BerthShim;
import dev.berth.shim.testing.BusyboxBundle;
import dev.berth.shim.testing.ProcFs;
import dev.berth.testing.Await;
import dev.berth.testing.RequiresRoot;
import java.io.IOException;
import java.net.URI;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** What berth-init answers in the place of the shim's binary says what the JVM would. */
@RequiresRoot
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class FrontTest {
  private static final Duration SOON = Duration.ofSeconds(20);
  private static final String ID = "front-test";
  private static final int NOT_HERE = 75;

  @TempDir private static Path directory;
  private BerthShim berth;
  private Shim shim;

  private record Answer(int exitCode, ByteString bytes) {}

  @BeforeAll
  void startShim() throws IOException {
    berth = BerthShim.prepare(directory);
    Path bundle =
        BusyboxBundle.create(directory.resolve(ID), "/berth-test-front", "sleep", "100")
            .directory();
    shim = berth.shims().launch(berth.binary().toString(), ID, bundle, null, SOON);
    shim.tasks().create(new CreateTask(ID, bundle, List.of(), TaskIo.NONE, null), SOON);
  }

  @AfterAll
  void endShim() throws Exception {
    berth.close();
  }

  private Answer ask(Map<String, String> environment, byte[] input, String... words)
      throws IOException, InterruptedException {
    List<String> command = new ArrayList<>();
    command.addAll(List.of(BerthShim.berthInit().toString(), "shim", "-namespace", "berth-test"));
    command.addAll(List.of("-address", directory.resolve("berth.sock").toString()));
    command.addAll(List.of("-publish-binary", "/bin/true"));
    command.addAll(List.of(words));
    var builder = new ProcessBuilder(command).directory(directory.resolve(ID).toFile());
    builder.environment().put("BERTH_RUN_DIR", directory.resolve("run").toString());
    builder.environment().putAll(environment);
    Process process = builder.start();
    try (var in = process.getOutputStream()) {
      in.write(input);
    }
    byte[] answer = process.getInputStream().readAllBytes();
    assertThat(process.waitFor(SOON.toSeconds(), TimeUnit.SECONDS)).isTrue();
    return new Answer(process.exitValue(), ByteString.copyFrom(answer));
  }

  @Test
  void livingShimIsNamedInEachForm() throws Exception {
    String address = shim.record().address();
    assertThat(ask(Map.of(), new byte[0], "-id", ID, "start").bytes().toStringUtf8())
        .isEqualTo(address + "\n");
    for (String version : List.of("2", "3", "9")) {
      var input = new StartInput("", "", "", new StartInput.Form.Json(Integer.parseInt(version)));
      assertThat(ask(Map.of("MAX_SHIM_VERSION", version), new byte[0], "-id", ID, "start").bytes())
          .isEqualTo(ByteString.copyFrom(input.answer(address)));
    }
    byte[] params =
        BootstrapParams.newBuilder()
            .setInstanceId(ID)
            .setContainerdGrpcAddress("/run/c.sock")
            .build()
            .toByteArray();
    Answer binary = ask(Map.of("MAX_SHIM_VERSION", "2"), params, "-id", ID, "-debug", "start");
    assertThat(BootstrapResult.parseFrom(binary.bytes()))
        .isEqualTo(
            BootstrapResult.parseFrom(
                new StartInput("", "", "", new StartInput.Form.Binary()).answer(address)));
  }

  /** Pods start at the same moment, and no JVM is worth starting for a lock that is soon free. */
  @Test
  void whoMeetsTheLockOfAnotherStartWaits() throws Exception {
    Path lock = Path.of(URI.create(shim.record().address()).getPath()).resolveSibling("starting");
    try (var channel = FileChannel.open(lock, StandardOpenOption.WRITE);
        var asking = Executors.newSingleThreadExecutor()) {
      Future<Answer> answer;
      FileLock held = channel.lock();
      try {
        answer = asking.submit(() -> ask(Map.of(), new byte[0], "-id", ID, "start"));
        Await.until("it has come to the lock", SOON, () -> ProcFs.holders(lock).size() > 1);
      } finally {
        held.release();
      }
      assertThat(answer.get().bytes().toStringUtf8()).isEqualTo(shim.record().address() + "\n");
    }
  }

  @Test
  void addressIsLeftInTheBundle() throws Exception {
    Path left = directory.resolve(ID).resolve("address");
    assertThat(left).hasContent(shim.record().address());
    Files.delete(left);
    var _ = ask(Map.of(), new byte[0], "-id", ID, "start");
    assertThat(left).hasContent(shim.record().address());
  }

  @Test
  void containerOfWhichNothingIsLeftCountsAsKilled() throws Exception {
    var response =
        DeleteResponse.parseFrom(ask(Map.of(), new byte[0], "-id", "x", "delete").bytes());
    assertThat(response.getExitStatus()).isEqualTo(137);
    assertThat(response.getExitedAt().getSeconds())
        .isBetween(System.currentTimeMillis() / 1000 - 60, System.currentTimeMillis() / 1000);
  }

  @Test
  void whatTakesAJvmIsNotTouched() throws Exception {
    for (String[] words :
        new String[][] {
          {"-id", ID, "delete"},
          {"-id", ID, "-colour", "red", "start"},
          {"-id", "../x", "delete"},
          {"-id", ID, "-namespace", "other", "start"},
          {"-id", ID},
        }) {
      Answer answer = ask(Map.of(), new byte[0], words);
      assertThat(answer.exitCode()).as(String.join(" ", words)).isEqualTo(NOT_HERE);
      assertThat(answer.bytes()).isEmpty();
    }
  }
}
