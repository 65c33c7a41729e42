package dev.berth.runtime.kernel;

/**
 * Reads and writes the content of open files by the chunk, through one native buffer that is used
 * again and again.
 *
 * <p>Names only serve the error (see {@link Inodes}). Not thread-safe; make the calls on a platform
 * thread, because they can wait for the disk.
 */
public final class FileContent implements AutoCloseable {
  /** Bytes that one call can take. */
  public static final int CHUNK_BYTES = 128 * 1024;

  private final NativeMemory data = NativeMemory.allocate(CHUNK_BYTES);

  /** Writes all of a chunk at the descriptor's position. */
  public void write(Fd file, String name, byte[] bytes, int length) {
    data.put(0, bytes, 0, length);
    for (int done = 0; done < length; ) {
      done +=
          count("write", name, call("write", file.number(), data.address() + done, length - done));
    }
  }

  /** Writes all of a chunk at an offset. */
  public void writeAt(Fd file, String name, byte[] bytes, int length, long offset) {
    data.put(0, bytes, 0, length);
    for (int done = 0; done < length; ) {
      done +=
          count(
              "pwrite64",
              name,
              call("pwrite64", file.number(), data.address() + done, length - done, offset + done));
    }
  }

  /** Reads up to a chunk; 0 at the end. */
  public int read(Fd file, String name, byte[] into) {
    int length = Math.min(into.length, CHUNK_BYTES);
    int count = count("read", name, call("read", file.number(), data.address(), length));
    data.get(0, into, 0, count);
    return count;
  }

  /** Gives a file its size; what is behind its last byte reads as zeros. */
  public void truncate(Fd file, String name, long sizeBytes) {
    Inodes.check("ftruncate", name, call("ftruncate", file.number(), sizeBytes));
  }

  private static Syscalls.Result call(String name, long... arguments) {
    return Syscalls.call(Descriptors.number(name), arguments);
  }

  private static int count(String call, String name, Syscalls.Result result) {
    return (int) Inodes.check(call, name, result);
  }

  /** Gives the native buffer back. Idempotent. */
  @Override
  public void close() {
    data.close();
  }
}
