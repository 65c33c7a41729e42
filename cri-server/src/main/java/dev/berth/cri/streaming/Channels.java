package dev.berth.cri.streaming;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.handler.codec.http.websocketx.BinaryWebSocketFrame;
import io.netty.handler.codec.http.websocketx.TextWebSocketFrame;
import io.netty.handler.codec.http.websocketx.WebSocketFrame;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Base64;

/**
 * How messages of a WebSocket name the channel they belong to: by their first byte, or, where
 * payloads are base64, by a digit before it.
 */
record Channels(boolean base64) {
  /** Gets what came. */
  @FunctionalInterface
  interface Receiver {
    void received(int channel, byte[] bytes);
  }

  /** Takes a message apart; one that is none of the protocol's is passed over. */
  void read(WebSocketFrame frame, Receiver receiver) {
    ByteBuf content = frame.content();
    if (!content.isReadable()) {
      return;
    }
    int first = content.readUnsignedByte();
    byte[] rest = new byte[content.readableBytes()];
    content.readBytes(rest);
    if (!base64) {
      receiver.received(first, rest);
      return;
    }
    byte[] decoded;
    try {
      decoded = Base64.getDecoder().decode(rest);
    } catch (IllegalArgumentException e) {
      return;
    }
    receiver.received(first - '0', decoded);
  }

  /** Makes a message of a channel. */
  WebSocketFrame write(int channel, byte[] bytes, int length) {
    if (!base64) {
      ByteBuf content = Unpooled.buffer(length + 1);
      content.writeByte(channel).writeBytes(bytes, 0, length);
      return new BinaryWebSocketFrame(content);
    }
    String text =
        new String(
            Base64.getEncoder().encode(Arrays.copyOf(bytes, length)), StandardCharsets.US_ASCII);
    return new TextWebSocketFrame((char) ('0' + channel) + text);
  }
}
