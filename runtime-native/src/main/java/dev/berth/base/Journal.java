package dev.berth.base;

import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.TRUNCATE_EXISTING;
import static java.nio.file.StandardOpenOption.WRITE;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;

/**
 * The file that a {@link MetadataStore} appends its commits to.
 *
 * <p>Space is allocated ahead by writing zeros: fdatasync then has no metadata to write, which
 * halves its time on a journalling file system. Not thread-safe, and used by one thread that nobody
 * interrupts, because an interrupt closes a FileChannel.
 */
final class Journal implements AutoCloseable {
  static final int CHUNK_BYTES = 256 * 1024;

  private final FileChannel channel;
  private final Frames.Header header;
  private long end;
  private long allocated;

  private Journal(FileChannel channel, Frames.Header header, long end, long allocated) {
    this.channel = channel;
    this.header = header;
    this.end = end;
    this.allocated = allocated;
  }

  /** Replaces {@code file} by an empty journal, durable on return. */
  static Journal create(Path file, Frames.Header header) throws IOException {
    Path temporary = file.resolveSibling(file.getFileName() + ".tmp");
    var channel = FileChannel.open(temporary, CREATE, WRITE, TRUNCATE_EXISTING);
    try {
      var journal = new Journal(channel, header, 0, 0);
      List<ByteBuffer> beginning = List.of(ByteBuffer.wrap(header.encode()));
      journal.makeRoom(beginning);
      journal.write(beginning);
      channel.force(true);
      Files.move(temporary, file, StandardCopyOption.ATOMIC_MOVE);
      AtomicFiles.syncDirectory(file.resolveSibling("."));
      return journal;
    } catch (IOException e) {
      channel.close();
      throw e;
    }
  }

  /**
   * Goes on behind the good frames of {@code file}.
   *
   * @param end where they end
   * @param blank whether only zeros follow; anything else is cut off
   */
  static Journal reopen(Path file, Frames.Header header, long end, boolean blank)
      throws IOException {
    var channel = FileChannel.open(file, WRITE);
    try {
      if (blank) {
        return new Journal(channel, header, end, channel.size());
      }
      channel.truncate(end);
      channel.force(true);
      return new Journal(channel, header, end, end);
    } catch (IOException e) {
      channel.close();
      throw e;
    }
  }

  long sizeBytes() {
    return end;
  }

  /** Returns commits in the form in which they are appended to this journal. */
  List<ByteBuffer> frames(List<byte[]> payloads) {
    return payloads.stream().map(p -> ByteBuffer.wrap(Frames.encode(header, p))).toList();
  }

  /**
   * Allocates the space that frames will take.
   *
   * @throws IOException if there is none; this journal can still be used, and what is smaller may
   *     fit: on a full disk that is what allows to record that something was removed
   */
  void makeRoom(List<ByteBuffer> frames) throws IOException {
    long needed = end + frames.stream().mapToLong(ByteBuffer::remaining).sum();
    while (allocated < needed) {
      var zeros = ByteBuffer.allocate(CHUNK_BYTES);
      while (zeros.hasRemaining()) {
        allocated += channel.write(zeros, allocated);
      }
    }
  }

  /**
   * Appends frames that there is room for, and waits until they are durable.
   *
   * @throws IOException if they may or may not be; they are cut off again if that is possible, and
   *     this journal is of no further use
   */
  void append(List<ByteBuffer> frames) throws IOException {
    long before = end;
    try {
      write(frames);
      channel.force(false);
    } catch (IOException e) {
      cutBack(before, e);
      throw e;
    }
  }

  private void write(List<ByteBuffer> buffers) throws IOException {
    for (ByteBuffer buffer : buffers) {
      while (buffer.hasRemaining()) {
        end += channel.write(buffer, end);
      }
    }
  }

  private void cutBack(long to, IOException cause) {
    try {
      channel.truncate(to);
      channel.force(true);
    } catch (IOException e) {
      cause.addSuppressed(e);
    }
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }
}
