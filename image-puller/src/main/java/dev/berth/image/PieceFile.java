package dev.berth.image;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayDeque;
import java.util.Deque;

/**
 * Holds pieces of a blob that have arrived before it was their turn: a file without a name, so that
 * no crash leaves one, of some slots that are used again and again.
 *
 * <p>It lives in the page cache and takes no heap; what it takes there and on disk is bounded by
 * its slots. Reading and writing are thread-safe, {@link #take} and {@link #release} are not.
 */
final class PieceFile implements AutoCloseable {
  static final long SLOT_BYTES = 8 << 20;
  private static final int SLOTS = 16;

  private final FileChannel channel;
  private final Deque<Integer> free = new ArrayDeque<>();
  private int used;

  private PieceFile(FileChannel channel) {
    this.channel = channel;
  }

  /** Makes an empty one on the file system of a folder. */
  static PieceFile create(Path folder) throws IOException {
    Path path = Files.createTempFile(folder, "pieces", "");
    try {
      return new PieceFile(
          FileChannel.open(path, StandardOpenOption.READ, StandardOpenOption.WRITE));
    } finally {
      Files.delete(path);
    }
  }

  /** Takes a free slot, the one used last because it is still in the cache; -1 if there is none. */
  int take() {
    Integer known = free.poll();
    if (known != null) {
      return known;
    }
    return used < SLOTS ? used++ : -1;
  }

  /** Gives a slot back. */
  void release(int slot) {
    free.push(slot);
  }

  void write(int slot, long at, byte[] bytes, int length) throws IOException {
    ByteBuffer buffer = ByteBuffer.wrap(bytes, 0, length);
    long position = slot * SLOT_BYTES + at;
    while (buffer.hasRemaining()) {
      position += channel.write(buffer, position);
    }
  }

  void read(int slot, long at, byte[] into, int offset, int length) throws IOException {
    ByteBuffer buffer = ByteBuffer.wrap(into, offset, length);
    long position = slot * SLOT_BYTES + at;
    while (buffer.hasRemaining()) {
      int count = channel.read(buffer, position);
      if (count < 0) {
        throw new EOFException("a piece is not in its file");
      }
      position += count;
    }
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }
}
