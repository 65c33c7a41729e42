package dev.berth.runtime.kernel;

/**
 * A buffer that small files of the kernel are read into, one after the other, without an object for
 * each. It grows with the largest of them. Not thread-safe.
 */
public final class ReadBuffer {
  private static final int PREAD = SyscallTable.host().number("pread64");
  private static final int FIRST_BYTES = 8192;
  private static final int MOST_BYTES = 1 << 20;

  private NativeMemory memory = NativeMemory.allocate(FIRST_BYTES);
  private byte[] bytes = new byte[FIRST_BYTES];
  private int length;

  /**
   * Reads a file that the kernel makes as a whole when it is read, such as those of cgroups, in
   * place of what was read before.
   *
   * @return false if the kernel has nothing to say: the object behind the file is gone, or does not
   *     account what the file is about
   * @throws NativeException with any other errno, EFBIG beyond 1 MiB
   */
  public boolean read(Fd file) {
    length = 0;
    while (readMore(file)) {
      if (length < bytes.length) {
        return true; // a read that had room to spare got it all
      }
      grow();
    }
    return false;
  }

  /**
   * Like {@link #read}, for a file that comes in parts, such as tables below /proc: reads until
   * there is nothing more.
   */
  public boolean readParts(Fd file) {
    length = 0;
    int before;
    do {
      if (length == bytes.length) {
        grow();
      }
      before = length;
      if (!readMore(file)) {
        return false;
      }
    } while (length > before);
    return true;
  }

  private boolean readMore(Fd file) {
    int room = bytes.length - length;
    Syscalls.Result result =
        Syscalls.call(PREAD, file.number(), memory.address() + length, room, length);
    if (result.failedWith(Errno.ENODEV) || result.failedWith(Errno.EOPNOTSUPP)) {
      return false;
    }
    int count = (int) Descriptors.checked("pread64", file, result);
    memory.get(length, bytes, length, count);
    length += count;
    return true;
  }

  private void grow() {
    if (bytes.length >= MOST_BYTES) {
      throw new NativeException("read", "a file of the kernel", Errno.EFBIG.number());
    }
    byte[] larger = new byte[bytes.length * 2];
    System.arraycopy(bytes, 0, larger, 0, length);
    bytes = larger;
    memory = NativeMemory.allocate(larger.length);
  }

  /** What was read last, in the first {@link #length()} bytes; the array is this object's own. */
  public byte[] bytes() {
    return bytes;
  }

  public int length() {
    return length;
  }
}
