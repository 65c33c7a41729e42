package dev.berth.shim.ttrpc;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.WritableByteChannel;
import java.time.Duration;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.TimeUnit;

/**
 * Writes frames in the order in which they were handed over, from a thread of its own: a peer that
 * does not read can then hold up no caller beyond the caller's own deadline. Thread-safe.
 */
final class FrameWriter {
  private static final int QUEUE_FRAMES = 256;

  // The JDK copies heap buffers through a direct one of the same size and keeps that: keep it
  // small.
  private static final int CHUNK_BYTES = 64 << 10;

  private final WritableByteChannel channel;
  private final BlockingQueue<ByteBuffer> queue = new ArrayBlockingQueue<>(QUEUE_FRAMES);

  FrameWriter(WritableByteChannel channel) {
    this.channel = channel;
  }

  /** Hands a frame over; false when the peer took no bytes for as long as {@code patience}. */
  boolean send(Frame frame, Duration patience) throws InterruptedException {
    return queue.offer(frame.encode(), patience.toNanos(), TimeUnit.NANOSECONDS);
  }

  /** Writes what is handed over until the channel closes or the thread is interrupted. */
  void run() throws IOException, InterruptedException {
    while (true) {
      write(queue.take());
    }
  }

  private void write(ByteBuffer frame) throws IOException {
    int end = frame.limit();
    while (frame.position() < end) {
      frame.limit(Math.min(end, frame.position() + CHUNK_BYTES));
      channel.write(frame);
    }
  }
}
