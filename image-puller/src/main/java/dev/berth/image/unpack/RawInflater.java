package dev.berth.image.unpack;

import dev.berth.runtime.kernel.IsalInflater;
import java.util.zip.DataFormatException;
import java.util.zip.Inflater;

/**
 * Inflates raw deflate data (RFC 1951), one stream after the other.
 *
 * <p>Use: {@link #reset}, then {@link #setInput} and {@link #inflate} in turns. When {@code
 * inflate} returns 0, it has either {@link #finished} or wants more input. Owns native memory until
 * {@link #close()}, and belongs to the thread that made it.
 */
sealed interface RawInflater extends AutoCloseable {
  /** See {@link IsalInflater#LOOK_BACK_BYTES}: bytes in front of every input. */
  int LOOK_BACK_BYTES = IsalInflater.LOOK_BACK_BYTES;

  /** Begins a new stream. */
  void reset();

  /**
   * Gives more input; what was given before must have been used up.
   *
   * @param offset at least {@link #LOOK_BACK_BYTES}; the bytes in front are those of the input
   *     before
   */
  void setInput(byte[] input, int offset, int length);

  /**
   * Returns how many bytes were written.
   *
   * @throws DataFormatException if the data is not deflate
   */
  int inflate(byte[] output, int offset, int length) throws DataFormatException;

  /** Whether the stream has ended. */
  boolean finished();

  /** Once finished, how many of the last bytes of the input are behind the stream. */
  int unusedBytes();

  /** Gives native memory back. Idempotent. */
  @Override
  void close();

  /** By the zlib that is in every JDK. */
  final class Jdk implements RawInflater {
    private final Inflater inflater = new Inflater(true);

    @Override
    public void reset() {
      inflater.reset();
    }

    @Override
    public void setInput(byte[] input, int offset, int length) {
      inflater.setInput(input, offset, length);
    }

    @Override
    public int inflate(byte[] output, int offset, int length) throws DataFormatException {
      int count = inflater.inflate(output, offset, length);
      if (count == 0 && inflater.needsDictionary()) {
        throw new DataFormatException("it wants a dictionary");
      }
      return count;
    }

    @Override
    public boolean finished() {
      return inflater.finished();
    }

    @Override
    public int unusedBytes() {
      return inflater.getRemaining();
    }

    @Override
    public void close() {
      inflater.end();
    }
  }

  /** By ISA-L, where it is installed. */
  final class Isal implements RawInflater {
    private final IsalInflater inflater = new IsalInflater();

    @Override
    public void reset() {
      inflater.reset();
    }

    @Override
    public void setInput(byte[] input, int offset, int length) {
      inflater.setInput(input, offset, length);
    }

    @Override
    public int inflate(byte[] output, int offset, int length) throws DataFormatException {
      return inflater.inflate(output, offset, length);
    }

    @Override
    public boolean finished() {
      return inflater.finished();
    }

    @Override
    public int unusedBytes() {
      return inflater.unusedBytes();
    }

    @Override
    public void close() {
      inflater.close();
    }
  }
}
