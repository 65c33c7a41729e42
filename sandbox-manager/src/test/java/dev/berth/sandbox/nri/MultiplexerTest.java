package dev.berth.sandbox.nri;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.testing.Await;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ByteChannel;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The multiplexer against a peer that speaks frames by hand. */
class MultiplexerTest {
  private static final Duration SOON = Duration.ofSeconds(5);

  @TempDir private Path directory;
  private SocketChannel peer;
  private Multiplexer multiplexer;
  private ByteChannel one;
  private ByteChannel two;

  @BeforeEach
  void connect() throws IOException {
    var address = UnixDomainSocketAddress.of(directory.resolve("s"));
    try (var server = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
      server.bind(address);
      peer = SocketChannel.open(address);
      multiplexer = new Multiplexer(server.accept());
    }
    one = multiplexer.open(1);
    two = multiplexer.open(2);
    multiplexer.start();
  }

  @AfterEach
  void close() throws IOException {
    multiplexer.close();
    peer.close();
  }

  private void send(int id, int length, byte[] payload) throws IOException {
    ByteBuffer frame =
        ByteBuffer.allocate(8 + payload.length).putInt(id).putInt(length).put(payload).flip();
    while (frame.hasRemaining()) {
      peer.write(frame);
    }
  }

  private ByteBuffer receive(int length) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(length);
    while (bytes.hasRemaining()) {
      assertThat(peer.read(bytes)).isPositive();
    }
    return bytes.flip();
  }

  private static String read(ByteChannel stream, int most) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(most);
    int count = stream.read(bytes);
    return count < 0 ? "end" : UTF_8.decode(bytes.flip()).toString();
  }

  @Test
  void framesReachTheStreamWhoseIdTheyCarry() throws IOException {
    send(2, 3, "two".getBytes(UTF_8));
    send(7, 4, "none".getBytes(UTF_8));
    send(1, 5, "first".getBytes(UTF_8));

    assertThat(read(one, 3)).isEqualTo("fir");
    assertThat(read(one, 100)).isEqualTo("st");
    assertThat(read(two, 100)).isEqualTo("two");
  }

  @Test
  void whatIsWrittenCarriesIdAndLength() throws IOException {
    one.write(ByteBuffer.wrap("abc".getBytes(UTF_8)));
    two.write(ByteBuffer.wrap("d".getBytes(UTF_8)));

    assertThat(receive(11).array()).containsExactly(0, 0, 0, 1, 0, 0, 0, 3, 'a', 'b', 'c');
    assertThat(receive(9).array()).containsExactly(0, 0, 0, 2, 0, 0, 0, 1, 'd');
  }

  @Test
  void firstFrameOfALongWriteFitsThePeersBuffer() throws Exception {
    int total = 150_000;
    Thread writer =
        Thread.ofVirtual()
            .start(() -> {
              try {
                one.write(ByteBuffer.allocate(total));
              } catch (IOException e) {
                throw new IllegalStateException(e);
              }
            });
    List<Integer> lengths = new ArrayList<>();
    for (int left = total; left > 0; left -= lengths.getLast()) {
      assertThat(receive(4).getInt()).isEqualTo(1);
      lengths.add(receive(4).getInt());
      receive(lengths.getLast());
    }

    assertThat(writer.join(SOON)).isTrue();
    assertThat(lengths.getFirst()).isEqualTo(4096);
  }

  @Test
  void endOfThePeerEndsAllStreams() throws IOException {
    send(1, 4, "last".getBytes(UTF_8));
    peer.close();

    assertThat(read(one, 100)).isEqualTo("last");
    assertThat(read(one, 100)).isEqualTo("end");
    assertThat(read(two, 100)).isEqualTo("end");
    assertThatThrownBy(() -> one.write(ByteBuffer.allocate(1)))
        .isInstanceOf(ClosedChannelException.class);
  }

  @Test
  void frameLongerThanAnyMessageEndsTheConnection() throws IOException {
    send(1, -1, new byte[0]);

    assertThat(read(one, 100)).isEqualTo("end");
    assertThat(peer.read(ByteBuffer.allocate(1))).isEqualTo(-1);
  }

  @Test
  void closedStreamLeavesTheOthersAlone() throws IOException {
    one.close();
    send(1, 4, "lost".getBytes(UTF_8));
    send(2, 4, "kept".getBytes(UTF_8));

    assertThat(read(two, 100)).isEqualTo("kept");
    assertThat(read(one, 100)).isEqualTo("end");
  }

  @Test
  void closeEndsAReadThatWaits() {
    Thread reader =
        Thread.ofVirtual()
            .start(() -> {
              try {
                assertThat(read(one, 1)).isEqualTo("end");
              } catch (IOException e) {
                throw new IllegalStateException(e);
              }
            });
    Await.until("it waits", SOON, () -> reader.getState() == Thread.State.WAITING);

    multiplexer.close();

    Await.until("it has ended", SOON, () -> !reader.isAlive());
  }
}
