package dev.berth.image.unpack;

import dev.berth.base.BerthException;
import dev.berth.base.Operation;
import java.io.IOException;
import java.io.InputStream;
import org.jspecify.annotations.Nullable;

/**
 * Decompresses on a platform thread of its own, a few chunks ahead of the reader: inflating a large
 * layer takes as long as hashing and writing what comes out.
 *
 * <p>What fails there fails the read that would have got the bytes. Closing ends the thread, and
 * closes the compressed stream. Reading and closing are for one thread.
 */
final class AheadStream extends InputStream {
  private final InputStream compressed;
  private final ChunkPipe pipe;
  private final InputStream reader;
  private final Thread thread;
  private volatile @Nullable Exception failure;

  AheadStream(InputStream compressed, Operation operation) {
    this.compressed = compressed;
    this.pipe = new ChunkPipe(operation);
    this.reader = pipe.reader();
    this.thread = Thread.ofPlatform().daemon().name("layer-inflate").start(this::run);
  }

  private void run() {
    try (InputStream plain = Decompression.of(compressed)) { // belongs to the thread that made it
      byte[] chunk = pipe.takeEmpty();
      int length = chunk == null ? 0 : plain.readNBytes(chunk, 0, chunk.length);
      while (chunk != null && length > 0) {
        pipe.publish(chunk, length);
        chunk = pipe.takeEmpty();
        length = chunk == null ? 0 : plain.readNBytes(chunk, 0, chunk.length);
      }
    } catch (IOException | RuntimeException e) { // outermost of its thread: told by the next read
      failure = e;
    } finally {
      pipe.end();
    }
  }

  @Override
  public int read() throws IOException {
    byte[] one = new byte[1];
    return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
  }

  @Override
  public int read(byte[] buffer, int offset, int length) throws IOException {
    int count = reader.read(buffer, offset, length);
    if (count < 0) {
      switch (failure) {
        case null -> {}
        case BerthException e ->
            throw new BerthException(e.kind(), String.valueOf(e.getMessage()), e);
        case Exception e -> throw new IOException(e.getMessage(), e);
      }
    }
    return count;
  }

  @Override
  public void close() throws IOException {
    reader.close();
    compressed.close();
    PlatformTask.join(thread);
  }
}
