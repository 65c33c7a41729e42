package dev.berth.shim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.base.BerthException;
import dev.berth.base.BerthException.Kind;
import dev.berth.proto.shim.task.v3.ConnectRequest;
import dev.berth.proto.shim.task.v3.ConnectResponse;
import dev.berth.shim.client.Shim;
import dev.berth.shim.client.ShimRecord;
import dev.berth.shim.client.ShimVersion;
import dev.berth.shim.testing.BerthShim;
import dev.berth.shim.ttrpc.TtrpcServer;
import dev.berth.shim.ttrpc.TtrpcService;
import dev.berth.testing.RequiresRoot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A client goes on with a shim of the first protocol, and can replace it by one of today. */
@RequiresRoot
class OlderShimTest {
  private static final Duration SOON = Duration.ofSeconds(20);
  private static final int SIGTERM = 15;

  @TempDir Path dir;
  private BerthShim berth;
  private Process program; // in the place of the older shim's JVM
  private TtrpcServer server;
  private ShimRecord record;

  @BeforeEach
  void startOlderShim() throws IOException {
    berth = BerthShim.prepare(dir);
    program = new ProcessBuilder("sleep", "1000").start();
    Path socket = dir.resolve("older.sock");
    server =
        TtrpcServer.listen(
            socket,
            TtrpcService.named("containerd.task.v3.Task")
                .unary("Connect", ConnectRequest.parser(), (_, _) -> process())
                .build(),
            TtrpcService.named("dev.berth.shim.v1.Extension").build());
    var _ = program.onExit().thenRun(server::close);
    Path bundle = Files.createDirectories(dir.resolve("older"));
    record = new ShimRecord("older", berth.binary(), bundle, "unix://" + socket, 3, true);
  }

  private ConnectResponse process() {
    return ConnectResponse.newBuilder().setShimPid((int) program.pid()).build();
  }

  @AfterEach
  void end() throws Exception {
    program.destroyForcibly().waitFor();
    server.close();
    berth.close();
  }

  @Test
  void shimThatCannotTellItsVersionIsOfTheFirstProtocol() {
    Shim shim = berth.shims().adopt(record, SOON);
    assertThat(shim.tasks().about(SOON))
        .isEqualTo(new ShimVersion(1, "", Math.toIntExact(program.pid())));
  }

  @Test
  void shimThatCannotHandOverIsEndedAndReplaced() throws Exception {
    ShimVersion before = berth.shims().handOver(record, SOON, SOON);
    assertThat(before.protocol()).isEqualTo(1);
    assertThat(program.waitFor()).isEqualTo(128 + SIGTERM);

    ShimVersion after = berth.shims().relaunch(record, SOON).tasks().about(SOON);
    assertThat(after.protocol()).isEqualTo(2);
    assertThat(after.version()).isEqualTo(ShimMain.VERSION);
  }

  @Test
  void callThatAnOlderShimLacksIsOneClearError() {
    Shim shim = berth.shims().adopt(record, SOON);
    assertThatThrownBy(() -> shim.tasks().reopenLog("id", dir.resolve("log"), SOON))
        .isInstanceOf(BerthException.class)
        .hasMessageContaining("unknown method /dev.berth.shim.v1.Extension/ReopenLog")
        .extracting(e -> ((BerthException) e).kind())
        .isEqualTo(Kind.UNIMPLEMENTED);
  }
}
