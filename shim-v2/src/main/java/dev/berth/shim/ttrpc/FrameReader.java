package dev.berth.shim.ttrpc;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ReadableByteChannel;
import org.jspecify.annotations.Nullable;

/** Cuts a byte stream into frames. Not thread-safe: one thread reads a connection. */
final class FrameReader {
  private static final int BUFFER_BYTES = 16 << 10;

  private final ReadableByteChannel channel;
  private final ByteBuffer buffer = ByteBuffer.allocate(BUFFER_BYTES).flip();

  FrameReader(ReadableByteChannel channel) {
    this.channel = channel;
  }

  /**
   * Returns the next frame, or null when the peer ended the connection between two frames.
   *
   * @throws EOFException if it ended within one
   */
  @Nullable Incoming next() throws IOException {
    if (!buffer.hasRemaining() && !refill()) {
      return null;
    }
    ByteBuffer header = ByteBuffer.wrap(take(Frame.HEADER_BYTES));
    long length = Integer.toUnsignedLong(header.getInt());
    int streamId = header.getInt();
    byte type = header.get();
    byte flags = header.get();
    if (length > Frame.MAX_PAYLOAD_BYTES) {
      skip(length);
      return new Incoming.Oversized(streamId, type, length);
    }
    return new Frame(streamId, type, flags, take((int) length));
  }

  private byte[] take(int count) throws IOException {
    byte[] bytes = new byte[count];
    int taken = 0;
    while (taken < count) {
      require();
      int step = Math.min(buffer.remaining(), count - taken);
      buffer.get(bytes, taken, step);
      taken += step;
    }
    return bytes;
  }

  private void skip(long count) throws IOException {
    long left = count;
    while (left > 0) {
      require();
      int step = (int) Math.min(buffer.remaining(), left);
      buffer.position(buffer.position() + step);
      left -= step;
    }
  }

  private void require() throws IOException {
    if (!buffer.hasRemaining() && !refill()) {
      throw new EOFException("connection ended within a frame");
    }
  }

  private boolean refill() throws IOException {
    buffer.clear();
    int count = channel.read(buffer);
    buffer.flip();
    return count > 0;
  }
}
