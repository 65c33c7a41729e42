package dev.berth.shim.ttrpc;

import com.google.protobuf.InvalidProtocolBufferException;
import dev.berth.proto.shim.ttrpc.Response;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.time.Duration;

/** Speaks bytes instead of ttrpc: what a broken or hostile peer would send. */
final class RawPeer implements AutoCloseable {
  private final SocketChannel channel;
  private final FrameReader reader;

  RawPeer(Path socket) {
    this(UnixSockets.connect(socket, Duration.ofSeconds(5)));
  }

  RawPeer(SocketChannel channel) {
    this.channel = channel;
    this.reader = new FrameReader(channel);
  }

  /** Sends a header and whatever payload, which need not agree. */
  void send(long length, int streamId, int type, int flags, byte[] payload) throws IOException {
    var bytes =
        ByteBuffer.allocate(Frame.HEADER_BYTES + payload.length)
            .putInt((int) length)
            .putInt(streamId)
            .put((byte) type)
            .put((byte) flags)
            .put(payload)
            .flip();
    while (bytes.hasRemaining()) {
      channel.write(bytes);
    }
  }

  void send(int streamId, int type, byte[] payload) throws IOException {
    send(payload.length, streamId, type, 0, payload);
  }

  Frame receive() throws IOException {
    Incoming incoming = reader.next();
    if (incoming instanceof Frame frame) {
      return frame;
    }
    throw new AssertionError("expected a frame, got " + incoming);
  }

  static Response responseOf(Frame frame) throws InvalidProtocolBufferException {
    return Response.parseFrom(frame.payload());
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }
}
