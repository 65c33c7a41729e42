package dev.berth.runtime.kernel;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.zip.DataFormatException;
import jnr.ffi.LibraryLoader;

/**
 * Inflates raw deflate data (RFC 1951) by Intel's ISA-L, about twice as fast as zlib and as fast in
 * the first second as in the last.
 *
 * <p>The library's state is a C struct whose fields are read and written here. Those that a caller
 * fills in are its first ones; where {@code block_state} lies depends on the version of the
 * library, so whoever chooses this class tries it out first, with {@link #inflate} against known
 * data.
 *
 * <p>Owns native memory of a fixed size until {@link #close()}. Belongs to the thread that made it.
 */
public final class IsalInflater implements AutoCloseable {
  /** What JNR binds. Public because JNR implements it from another class loader. */
  public interface Calls {
    void isal_inflate_init(long state);

    int isal_inflate(long state);
  }

  /**
   * Bytes in front of any input that must be those of the input before: the decoder reads ahead, by
   * up to eight bytes, and at the end of a stream gives back what it did not need.
   */
  public static final int LOOK_BACK_BYTES = 16;

  // struct inflate_state of isa-l/igzip_lib.h, library version 2
  private static final int SIZE_OF_STATE = 128 * 1024; // 87368, and room for a larger one
  private static final int NEXT_OUT = 0;
  private static final int AVAIL_OUT = 8;
  private static final int NEXT_IN = 16;
  private static final int AVAIL_IN = 32;
  private static final int READ_IN_LENGTH = 36; // bits read ahead of what was decoded
  private static final int BLOCK_STATE = 21160;
  private static final int ISAL_BLOCK_FINISH = 5;
  private static final int ISAL_NEED_DICT = 6;

  private static final int CHUNK_BYTES = 128 * 1024;

  /** The library, loaded on first use. */
  private static final class Library {
    static final Calls CALLS =
        LibraryLoader.create(Calls.class).failImmediately().load("libisal.so.2");
  }

  private final Arena arena = Arena.ofConfined();
  private final ByteBuffer state = buffer(SIZE_OF_STATE);
  private final ByteBuffer input = buffer(LOOK_BACK_BYTES + CHUNK_BYTES);
  private final ByteBuffer output = buffer(CHUNK_BYTES);
  private final long stateAddress = address(state);
  private final long inputAddress = address(input) + LOOK_BACK_BYTES;
  private final long outputAddress = address(output);

  /** Makes a decoder at the beginning of a stream. Needs the library: see {@link #isInstalled}. */
  public IsalInflater() {
    reset();
  }

  /** Tells whether the library is there; loads it if it is. */
  public static boolean isInstalled() {
    try {
      return Library.CALLS != null;
    } catch (LinkageError e) { // not there, now or at an earlier try
      return false;
    }
  }

  private ByteBuffer buffer(int sizeBytes) {
    return arena.allocate(sizeBytes, Long.BYTES).asByteBuffer().order(ByteOrder.nativeOrder());
  }

  private static long address(ByteBuffer buffer) {
    return MemorySegment.ofBuffer(buffer).address();
  }

  /** Begins a new stream; input that is left is forgotten. */
  public void reset() {
    requireOpen();
    Library.CALLS.isal_inflate_init(stateAddress);
    state.putInt(AVAIL_IN, 0);
  }

  /**
   * Gives more input; what was given before must have been used up.
   *
   * @param offset at least {@link #LOOK_BACK_BYTES}
   * @param length at most 128 KiB
   */
  public void setInput(byte[] bytes, int offset, int length) {
    input.put(0, bytes, offset - LOOK_BACK_BYTES, LOOK_BACK_BYTES + length);
    state.putLong(NEXT_IN, inputAddress).putInt(AVAIL_IN, length);
  }

  /**
   * Returns how many bytes were written; 0 if the stream {@link #finished} or input is wanted.
   *
   * @throws DataFormatException if the data is not deflate
   */
  public int inflate(byte[] bytes, int offset, int length) throws DataFormatException {
    int room = Math.min(length, CHUNK_BYTES);
    state.putLong(NEXT_OUT, outputAddress).putInt(AVAIL_OUT, room);
    int result = Library.CALLS.isal_inflate(stateAddress);
    if (result < 0 || result == ISAL_NEED_DICT) {
      throw new DataFormatException("not deflate: ISA-L says " + result);
    }
    int count = room - state.getInt(AVAIL_OUT);
    output.get(0, bytes, offset, count);
    return count;
  }

  /** Tells whether the stream has ended and all of it was given out. */
  public boolean finished() {
    return state.getInt(BLOCK_STATE) == ISAL_BLOCK_FINISH;
  }

  /** Once finished, how many of the last bytes of all input are behind the stream. */
  public int unusedBytes() {
    return state.getInt(AVAIL_IN) + state.getInt(READ_IN_LENGTH) / Byte.SIZE;
  }

  /** The library is given bare addresses: they must not outlive the memory. */
  private void requireOpen() {
    if (!arena.scope().isAlive()) {
      throw new IllegalStateException("the inflater is closed");
    }
  }

  /** Frees the native memory. Idempotent. */
  @Override
  public void close() {
    if (arena.scope().isAlive()) {
      arena.close();
    }
  }
}
