package dev.berth.e2e;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.handler.codec.http.websocketx.BinaryWebSocketFrame;
import io.netty.handler.codec.http.websocketx.WebSocket13FrameDecoder;
import io.netty.handler.codec.http.websocketx.WebSocket13FrameEncoder;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.Socket;
import java.net.URI;
import java.util.Arrays;

/**
 * A client whose SPDY goes through a WebSocket, as kubectl's does when it forwards ports. The JDK's
 * own WebSocket takes no subprotocol with a slash, so Netty's codec makes the frames.
 */
final class TunnelClient implements AutoCloseable, SpdyClient.Link {
  private final EmbeddedChannel decoder =
      new EmbeddedChannel(new WebSocket13FrameDecoder(false, false, 1 << 20));
  private final EmbeddedChannel encoder = new EmbeddedChannel(new WebSocket13FrameEncoder(true));
  private final SpdyClient spdy = new SpdyClient(this);
  private final Socket socket;
  private final String response;

  TunnelClient(String url) throws IOException {
    URI uri = URI.create(url);
    socket = new Socket(uri.getHost(), uri.getPort());
    String request =
        """
        GET %s HTTP/1.1
        Host: localhost
        Connection: Upgrade
        Upgrade: websocket
        Sec-WebSocket-Version: 13
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==
        Sec-WebSocket-Protocol: SPDY/3.1+portforward.k8s.io

        """
            .formatted(uri.getRawPath())
            .replace("\n", "\r\n");
    socket.getOutputStream().write(request.getBytes(ISO_8859_1));
    response = SpdyClient.readResponse(socket.getInputStream());
    Thread.ofVirtual().start(this::readMessages);
  }

  /** Returns status line and headers of the answer. */
  String response() {
    return response;
  }

  /** Returns the client within. */
  SpdyClient spdy() {
    return spdy;
  }

  private void readMessages() {
    byte[] buffer = new byte[16 << 10];
    try {
      InputStream in = socket.getInputStream();
      for (int count = in.read(buffer); count >= 0; count = in.read(buffer)) {
        decoder.writeInbound(Unpooled.wrappedBuffer(Arrays.copyOf(buffer, count)));
        for (Object message = decoder.readInbound();
            message != null;
            message = decoder.readInbound()) {
          if (message instanceof BinaryWebSocketFrame binary) {
            spdy.frames(bytes(binary.content()));
          }
        }
      }
    } catch (IOException e) {
      spdy.got("failure", e.toString().getBytes(ISO_8859_1));
    }
  }

  private static byte[] bytes(ByteBuf content) {
    byte[] bytes = new byte[content.readableBytes()];
    content.readBytes(bytes);
    content.release();
    return bytes;
  }

  @Override
  public void write(byte[] bytes) throws IOException {
    encoder.writeOutbound(new BinaryWebSocketFrame(Unpooled.wrappedBuffer(bytes)));
    for (ByteBuf part = encoder.readOutbound(); part != null; part = encoder.readOutbound()) {
      socket.getOutputStream().write(bytes(part));
    }
  }

  @Override
  public void close() {
    try {
      socket.close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
