package dev.berth.e2e;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.handler.codec.spdy.DefaultSpdyDataFrame;
import io.netty.handler.codec.spdy.DefaultSpdyPingFrame;
import io.netty.handler.codec.spdy.DefaultSpdySynStreamFrame;
import io.netty.handler.codec.spdy.SpdyDataFrame;
import io.netty.handler.codec.spdy.SpdyFrame;
import io.netty.handler.codec.spdy.SpdyFrameCodec;
import io.netty.handler.codec.spdy.SpdyPingFrame;
import io.netty.handler.codec.spdy.SpdyRstStreamFrame;
import io.netty.handler.codec.spdy.SpdySynReplyFrame;
import io.netty.handler.codec.spdy.SpdyVersion;
import io.netty.util.ReferenceCountUtil;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.Socket;
import java.net.URI;
import java.util.Arrays;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;

/**
 * A client that speaks SPDY/3.1 over a plain socket; Netty's codec is used for the frames only.
 * Streams are known by a name that the caller gives.
 */
final class SpdyClient extends StreamClient {
  private final Link link;
  private final String response;
  private final EmbeddedChannel decoder = codec();
  private final EmbeddedChannel encoder = codec();
  private final Map<String, Integer> ids = new ConcurrentHashMap<>();
  private final Map<Integer, String> names = new ConcurrentHashMap<>();
  private final Set<String> finished = ConcurrentHashMap.newKeySet();
  private final Set<String> accepted = ConcurrentHashMap.newKeySet();
  private int nextId = 1;
  private volatile CountDownLatch reading = new CountDownLatch(0);

  /** What carries the frames. */
  interface Link extends AutoCloseable {
    void write(byte[] bytes) throws IOException;

    /** Vanishes without a word. */
    @Override
    void close();
  }

  /** Speaks over another link, which hands over what it gets to {@link #frames}. */
  SpdyClient(Link link) {
    this.link = link;
    this.response = "";
  }

  /** Asks for the upgrade and reads on once it was granted; see {@link #response}. */
  SpdyClient(String url, String versions) throws IOException {
    URI uri = URI.create(url);
    Socket socket = new Socket(uri.getHost(), uri.getPort());
    link = new SocketLink(socket);
    String request =
        """
        POST %s HTTP/1.1
        Host: localhost
        Connection: Upgrade
        Upgrade: SPDY/3.1
        X-Stream-Protocol-Version: %s
        Content-Length: 0

        """
            .formatted(uri.getRawPath(), versions)
            .replace("\n", "\r\n");
    socket.getOutputStream().write(request.getBytes(ISO_8859_1));
    response = readResponse(socket.getInputStream());
    if (response.startsWith("HTTP/1.1 101 ")) {
      Thread.ofVirtual().start(() -> readFrames(socket));
    }
  }

  /** A plain connection. */
  private record SocketLink(Socket socket) implements Link {
    @Override
    public void write(byte[] bytes) throws IOException {
      socket.getOutputStream().write(bytes);
    }

    @Override
    public void close() {
      try {
        socket.setSoLinger(true, 0); // the kernel says it, as for a process that was killed
        socket.close();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }

  private static EmbeddedChannel codec() {
    return new EmbeddedChannel(new SpdyFrameCodec(SpdyVersion.SPDY_3_1));
  }

  static String readResponse(InputStream in) throws IOException {
    StringBuilder text = new StringBuilder();
    while (text.indexOf("\r\n\r\n") < 0) {
      int next = in.read();
      if (next < 0) {
        break;
      }
      text.append((char) next);
    }
    return text.toString();
  }

  /** Returns status line and headers of the answer. */
  String response() {
    return response;
  }

  /** Opens a stream as clients of a process do. */
  void open(String type) throws IOException {
    open(type, Map.of("streamType", type));
  }

  /** Opens a stream under a name of one's own. */
  synchronized void open(String name, Map<String, String> headers) throws IOException {
    int id = nextId;
    nextId += 2;
    ids.put(name, id);
    names.put(id, name);
    var frame = new DefaultSpdySynStreamFrame(id, 0, (byte) 0);
    headers.forEach((key, value) -> frame.headers().add(key.toLowerCase(Locale.ROOT), value));
    write(frame);
  }

  /** Reads nothing any more, but for what it is just waiting for. */
  void stopReading() {
    reading = new CountDownLatch(1);
  }

  /** Reads on. */
  void goOnReading() {
    reading.countDown();
  }

  void ping() throws IOException {
    write(new DefaultSpdyPingFrame(77));
  }

  private synchronized void write(SpdyFrame frame) throws IOException {
    encoder.writeOutbound(frame);
    for (ByteBuf part = encoder.readOutbound(); part != null; part = encoder.readOutbound()) {
      byte[] bytes = new byte[part.readableBytes()];
      part.readBytes(bytes);
      part.release();
      link.write(bytes);
    }
  }

  @Override
  void send(String stream, byte[] bytes) throws IOException {
    write(new DefaultSpdyDataFrame(id(stream), Unpooled.wrappedBuffer(bytes)));
  }

  @Override
  void end(String stream) throws IOException {
    var last = new DefaultSpdyDataFrame(id(stream));
    last.setLast(true);
    write(last);
  }

  private int id(String stream) {
    return Objects.requireNonNull(ids.get(stream), stream);
  }

  private void readFrames(Socket socket) {
    byte[] buffer = new byte[16 << 10];
    try {
      InputStream in = socket.getInputStream(); // closed with the socket
      for (int count = in.read(buffer); count >= 0; count = in.read(buffer)) {
        frames(Arrays.copyOf(buffer, count));
        reading.await();
      }
    } catch (IOException | InterruptedException e) {
      got("failure", e.toString().getBytes(ISO_8859_1));
    }
    connectionEnded();
  }

  /** Takes what came, however it is cut. */
  void frames(byte[] bytes) {
    decoder.writeInbound(Unpooled.wrappedBuffer(bytes));
    for (Object frame = decoder.readInbound(); frame != null; frame = decoder.readInbound()) {
      take(frame);
      ReferenceCountUtil.release(frame);
    }
  }

  private void take(Object frame) {
    switch (frame) {
      case SpdyDataFrame data -> {
        String name = names.getOrDefault(data.streamId(), "unknown");
        byte[] bytes = new byte[data.content().readableBytes()];
        data.content().readBytes(bytes);
        got(name, bytes);
        if (data.isLast()) {
          finished.add(name);
        }
      }
      case SpdySynReplyFrame reply -> accepted.add(names.getOrDefault(reply.streamId(), "unknown"));
      case SpdyRstStreamFrame reset ->
          got("resets", (names.get(reset.streamId()) + " ").getBytes(ISO_8859_1));
      case SpdyPingFrame ping -> got("pings", (ping.id() + " ").getBytes(ISO_8859_1));
      default -> throw new AssertionError("unexpected frame " + frame);
    }
  }

  /** Tells whether the server has ended its half of a stream. */
  boolean isFinished(String stream) {
    return finished.contains(stream);
  }

  boolean isAccepted(String stream) {
    return accepted.contains(stream);
  }

  @Override
  public void close() {
    reading.countDown();
    link.close();
  }
}
