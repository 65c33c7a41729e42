package dev.berth.shim.ttrpc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.Empty;
import com.google.rpc.Code;
import dev.berth.base.BerthException;
import dev.berth.base.BerthException.Kind;
import dev.berth.proto.shim.ttrpc.Request;
import dev.berth.testing.RequiresRoot;
import java.io.IOException;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What a server and a client do with bytes that no honest peer sends. */
@RequiresRoot
@Timeout(30)
class HostileFramesTest {
  private static final Duration SOON = Duration.ofSeconds(5);
  private static final byte[] NOTHING = {};

  @TempDir Path dir;
  private TtrpcServer server;

  @BeforeEach
  void listen() {
    var service =
        TtrpcService.named("test.Echo")
            .unary("Echo", Empty.parser(), (_, _) -> Empty.getDefaultInstance())
            .build();
    server = TtrpcServer.listen(dir.resolve("s"), service);
  }

  /** Whatever was sent before: others are served. */
  @AfterEach
  void serverStillServes() throws IOException {
    try (var peer = new RawPeer(server.socket())) {
      assertThat(codeOfEcho(peer, 1)).isZero();
    } finally {
      server.close();
    }
  }

  private static byte[] echo() {
    return Request.newBuilder().setService("test.Echo").setMethod("Echo").build().toByteArray();
  }

  private static int codeOfEcho(RawPeer peer, int streamId) throws IOException {
    peer.send(streamId, Frame.REQUEST, echo());
    Frame answer = peer.receive();
    assertThat(answer.streamId()).isEqualTo(streamId);
    assertThat(answer.type()).isEqualTo(Frame.RESPONSE);
    return RawPeer.responseOf(answer).getStatus().getCode();
  }

  @Test
  void tooLongMessageIsDiscardedAndAnswered() throws IOException {
    try (var peer = new RawPeer(server.socket())) {
      peer.send(1, Frame.REQUEST, new byte[Frame.MAX_PAYLOAD_BYTES + 1]);

      Frame answer = peer.receive();
      assertThat(answer.streamId()).isEqualTo(1);
      assertThat(RawPeer.responseOf(answer).getStatus().getCode())
          .isEqualTo(Code.RESOURCE_EXHAUSTED.getNumber());
      assertThat(codeOfEcho(peer, 3)).isZero();
    }
  }

  @Test
  void lengthOfFourGigabytesCostsNoMemory() throws IOException {
    try (var peer = new RawPeer(server.socket())) {
      peer.send(0xffff_ffffL, 1, Frame.REQUEST, 0, new byte[1 << 16]);
    }
  }

  @Test
  void evenReusedAndFallingStreamIdsAreInvalid() throws IOException {
    try (var peer = new RawPeer(server.socket())) {
      assertThat(codeOfEcho(peer, 2)).isEqualTo(Code.INVALID_ARGUMENT.getNumber());
      assertThat(codeOfEcho(peer, 0)).isEqualTo(Code.INVALID_ARGUMENT.getNumber());
      assertThat(codeOfEcho(peer, 7)).isZero();
      assertThat(codeOfEcho(peer, 7)).isEqualTo(Code.INVALID_ARGUMENT.getNumber());
      assertThat(codeOfEcho(peer, 5)).isEqualTo(Code.INVALID_ARGUMENT.getNumber());
      assertThat(codeOfEcho(peer, -1)).isZero();
    }
  }

  @Test
  void garbageInsteadOfARequestIsInvalid() throws IOException {
    try (var peer = new RawPeer(server.socket())) {
      peer.send(1, Frame.REQUEST, new byte[] {(byte) 0xff, (byte) 0xff, 0x7f});

      assertThat(RawPeer.responseOf(peer.receive()).getStatus().getCode())
          .isEqualTo(Code.INVALID_ARGUMENT.getNumber());
    }
  }

  @Test
  void streamingCallIsUnimplemented() throws IOException {
    try (var peer = new RawPeer(server.socket())) {
      byte[] payload = echo();
      peer.send(payload.length, 1, Frame.REQUEST, Frame.REMOTE_OPEN, payload);

      assertThat(RawPeer.responseOf(peer.receive()).getStatus().getCode())
          .isEqualTo(Code.UNIMPLEMENTED.getNumber());
    }
  }

  @Test
  void unaryRequestMayCarryTheFlagOfAClosedSide() throws IOException {
    try (var peer = new RawPeer(server.socket())) {
      byte[] payload = echo();
      peer.send(payload.length, 1, Frame.REQUEST, Frame.REMOTE_CLOSED, payload);

      assertThat(RawPeer.responseOf(peer.receive()).getStatus().getCode()).isZero();
    }
  }

  @Test
  void dataOfNoStreamIsInvalidAndUnknownTypesAreIgnored() throws IOException {
    try (var peer = new RawPeer(server.socket())) {
      peer.send(9, 77, NOTHING);
      peer.send(9, Frame.DATA, NOTHING);

      Frame answer = peer.receive();
      assertThat(answer.streamId()).isEqualTo(9);
      assertThat(RawPeer.responseOf(answer).getStatus().getCode())
          .isEqualTo(Code.INVALID_ARGUMENT.getNumber());
      assertThat(codeOfEcho(peer, 11)).isZero();
    }
  }

  @Test
  void connectionThatEndsWithinAFrameIsDropped() throws IOException {
    try (var peer = new RawPeer(server.socket())) {
      peer.send(100, 1, Frame.REQUEST, 0, new byte[50]);
    }
  }

  @Test
  void randomBytesHarmNobody() throws IOException {
    var random = new Random(7);
    for (int round = 0; round < 50; round++) {
      byte[] noise = new byte[random.nextInt(2000)];
      random.nextBytes(noise);
      try (var peer = new RawPeer(server.socket())) {
        peer.send(random.nextInt(), random.nextInt(), random.nextInt(4), random.nextInt(), noise);
      }
    }
  }

  @Test
  void clientSurvivesAnswersThatNobodyAskedFor() throws Exception {
    try (var rogue = new Rogue(dir.resolve("rogue"))) {
      CompletableFuture<Empty> answer = rogue.call();
      rogue.peer.receive();
      rogue.peer.send(99, Frame.RESPONSE, NOTHING);
      rogue.peer.send(1, Frame.DATA, NOTHING);
      rogue.peer.send(1, Frame.RESPONSE, NOTHING);

      assertThat(answer.get(5, TimeUnit.SECONDS)).isEqualTo(Empty.getDefaultInstance());
    }
  }

  @Test
  void clientFailsACallWhoseAnswerIsTooLong() throws Exception {
    try (var rogue = new Rogue(dir.resolve("rogue"))) {
      CompletableFuture<Empty> answer = rogue.call();
      rogue.peer.receive();
      rogue.peer.send(1, Frame.RESPONSE, new byte[Frame.MAX_PAYLOAD_BYTES + 1]);

      assertFailsWith(answer, Kind.RESOURCE_EXHAUSTED);
      assertThat(rogue.client.closed()).isNotDone();
    }
  }

  @Test
  void clientGivesUpOnAPeerThatSendsGarbage() throws Exception {
    try (var rogue = new Rogue(dir.resolve("rogue"))) {
      CompletableFuture<Empty> answer = rogue.call();
      rogue.peer.receive();
      rogue.peer.send(1, Frame.RESPONSE, new byte[] {(byte) 0xff, (byte) 0xff, 0x7f});

      assertFailsWith(answer, Kind.UNAVAILABLE);
    }
  }

  private static void assertFailsWith(CompletableFuture<Empty> answer, Kind kind) {
    assertThatThrownBy(() -> answer.get(5, TimeUnit.SECONDS))
        .isInstanceOf(ExecutionException.class)
        .extracting(e -> ((BerthException) e.getCause()).kind())
        .isEqualTo(kind);
  }

  /** A server that answers what the test says. */
  private static final class Rogue implements AutoCloseable {
    private final ServerSocketChannel listener;
    private final TtrpcClient client;
    private final RawPeer peer;

    Rogue(Path socket) throws IOException {
      listener = UnixSockets.listen(socket);
      client = TtrpcClient.connect(socket, SOON);
      peer = new RawPeer(listener.accept());
    }

    CompletableFuture<Empty> call() {
      return client.start(
          "test.Echo", "Echo", Empty.getDefaultInstance(), Empty.parser(), Metadata.NONE);
    }

    @Override
    public void close() throws IOException {
      client.close();
      peer.close();
      listener.close();
    }
  }
}
