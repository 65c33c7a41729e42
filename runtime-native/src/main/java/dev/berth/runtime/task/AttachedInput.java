package dev.berth.runtime.task;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.berth.base.BerthException;
import dev.berth.runtime.kernel.Descriptors;
import dev.berth.runtime.kernel.Fd;
import dev.berth.runtime.kernel.Fifos;
import dev.berth.runtime.kernel.OpenFlag;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * This JVM's hold on a standard input that attached clients feed, and the note of its end.
 *
 * <p>The process reads its end when nobody has the FIFO open for writing. The stub does as long as
 * the input lasts; this JVM does too, so that a killed stub is not taken for the end. The journal
 * says whether the input was closed for good: it outlives all of us. Thread-safe.
 */
final class AttachedInput implements AutoCloseable {
  /** {@code stdin_state} of struct journal in log.h, and its values in enum stdin_state. */
  static final int STATE_OFFSET = 20;

  static final int NONE = 0;
  static final int OPEN = 1;
  static final int ONCE = 2;
  static final int CLOSED = 3;

  private static final int FIFO_MODE = 0600;

  private final TaskDirectory directory;

  @GuardedBy("this") private @Nullable Fd end;

  /** Takes hold if there is such an input and it was not closed. */
  AttachedInput(TaskDirectory directory) {
    this.directory = directory;
    this.end = open(directory).orElse(null);
  }

  /**
   * Makes the FIFO, unless it is a terminal that is typed on, and notes that clients may feed it.
   */
  static void create(TaskDirectory directory, boolean terminal, int owner, boolean once)
      throws IOException {
    writeState(directory.journal(), once ? ONCE : OPEN);
    if (!terminal) {
      try (Fd folder = Descriptors.open(directory.path(), OpenFlag.PATH, OpenFlag.DIRECTORY)) {
        Fifos.create(folder, TaskDirectory.STDIN, FIFO_MODE, owner, owner);
      }
    }
  }

  /**
   * Opens the FIFO so that it stays open, closed by the caller; empty if there is none or no more.
   */
  static Optional<Fd> open(TaskDirectory directory) {
    if (!Files.exists(directory.path().resolve(TaskDirectory.STDIN)) || isClosed(directory)) {
      return Optional.empty();
    }
    try (Fd folder = Descriptors.open(directory.path(), OpenFlag.PATH, OpenFlag.DIRECTORY)) {
      return Optional.of(Fifos.open(folder, TaskDirectory.STDIN));
    }
  }

  /** Lets go once the stub has closed its end for good. Idempotent. */
  synchronized void releaseIfClosed() {
    if (end != null && isClosed(directory)) {
      close();
    }
  }

  @Override
  public synchronized void close() {
    if (end != null) {
      end.close();
      end = null;
    }
  }

  /** Notes that the caller's FIFO was closed too: no successor is to hold it open again. */
  void closed() {
    try {
      if (readState(directory) == NONE) {
        writeState(directory.journal(), CLOSED);
      }
    } catch (IOException e) {
      throw new BerthException(
          BerthException.Kind.INTERNAL, directory.journal() + ": cannot be written: " + e, e);
    }
    releaseIfClosed();
  }

  static boolean isClosed(TaskDirectory directory) {
    try {
      return readState(directory) == CLOSED;
    } catch (IOException e) {
      return true; // the task was removed
    }
  }

  private static int readState(TaskDirectory directory) throws IOException {
    byte[] journal = Files.readAllBytes(directory.journal());
    return ByteBuffer.wrap(journal).order(ByteOrder.LITTLE_ENDIAN).getInt(STATE_OFFSET);
  }

  private static void writeState(Path journal, int state) throws IOException {
    ByteBuffer out = ByteBuffer.allocate(Integer.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    out.putInt(state).flip();
    try (var channel = FileChannel.open(journal, StandardOpenOption.WRITE)) {
      channel.write(out, STATE_OFFSET);
    }
  }
}
