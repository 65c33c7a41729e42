package dev.berth.runtime.kernel;

import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.time.Duration;
import java.util.Set;

/**
 * An unnamed pipe: pipe(7). Both ends are the caller's, to use, to send to another process, and to
 * close.
 */
public record Pipe(Fd readEnd, Fd writeEnd) implements AutoCloseable {

  /**
   * Makes a pipe.
   *
   * @param sizeBytes of its buffer, as far as the user's limit allows
   */
  public static Pipe create(int sizeBytes) {
    Pipe pipe = create();
    Fifos.resize(pipe.writeEnd, sizeBytes);
    return pipe;
  }

  /** Makes a pipe of the usual size, neither end of which ever waits. */
  public static Pipe nonBlocking() {
    return create(OpenFlag.NON_BLOCKING);
  }

  private static Pipe create(OpenFlag... flags) {
    try (var numbers = NativeMemory.allocate(8)) {
      Syscalls.check("pipe2", "pipe", numbers.address(), OpenFlag.bits(Set.of(flags)));
      return new Pipe(Fd.own(numbers.getInt(0)), Fd.own(numbers.getInt(4)));
    }
  }

  /**
   * Turns the reading end into a stream, which owns it from then on. Reads block; they end when
   * every writing end is closed.
   */
  public InputStream toInput() throws IOException {
    // Opened once more, because Java makes no stream of a number; the other end is still open.
    InputStream stream = new FileInputStream(Descriptors.pathOf(readEnd));
    readEnd.close();
    return stream;
  }

  /** Turns the writing end into a stream, which owns it from then on. Writes block. */
  public OutputStream toOutput() throws IOException {
    OutputStream stream = new FileOutputStream(Descriptors.pathOf(writeEnd));
    writeEnd.close();
    return stream;
  }

  /** Waits until there is something to read or nobody can write any more. */
  public boolean awaitReadable(Duration timeout) {
    return Poll.await(readEnd, Poll.POLLIN, timeout);
  }

  @Override
  public void close() {
    readEnd.close();
    writeEnd.close();
  }
}
