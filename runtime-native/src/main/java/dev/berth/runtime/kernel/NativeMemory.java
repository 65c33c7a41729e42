package dev.berth.runtime.kernel;

import java.lang.ref.Reference;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import jnr.ffi.Memory;
import jnr.ffi.Pointer;

/**
 * A zeroed block of native memory for the arguments of one system call.
 *
 * <p>Its {@link #address()} is valid until {@link #close()}; the memory itself goes with the
 * object. Not thread-safe. Integers are in the byte order of the machine, as the kernel's structs
 * are.
 */
public final class NativeMemory implements AutoCloseable {
  static {
    if (ByteOrder.nativeOrder() != ByteOrder.LITTLE_ENDIAN) {
      throw new IllegalStateException("Berth supports little-endian machines only");
    }
  }

  private final Pointer block;
  private final long sizeBytes;

  private NativeMemory(long sizeBytes) {
    this.sizeBytes = sizeBytes;
    this.block = Memory.allocateDirect(Syscalls.runtime(), Math.max(1, sizeBytes), true);
  }

  public static NativeMemory allocate(long sizeBytes) {
    return new NativeMemory(sizeBytes);
  }

  /**
   * Allocates a NUL-terminated copy of {@code text} in UTF-8.
   *
   * @throws IllegalArgumentException if the text itself holds a NUL: the kernel would cut it there
   */
  public static NativeMemory string(String text) {
    if (text.indexOf('\0') >= 0) {
      throw new IllegalArgumentException("NUL inside a string for the kernel");
    }
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    NativeMemory memory = allocate(bytes.length + 1L);
    memory.block.put(0, bytes, 0, bytes.length);
    return memory;
  }

  public static NativeMemory bytes(byte[] bytes) {
    NativeMemory memory = allocate(bytes.length);
    memory.block.put(0, bytes, 0, bytes.length);
    return memory;
  }

  public long address() {
    return block.address();
  }

  public long sizeBytes() {
    return sizeBytes;
  }

  public NativeMemory putInt(long offset, int value) {
    block.putInt(checked(offset, 4), value);
    return this;
  }

  public NativeMemory putShort(long offset, short value) {
    block.putShort(checked(offset, 2), value);
    return this;
  }

  public NativeMemory putLong(long offset, long value) {
    block.putLongLong(checked(offset, 8), value);
    return this;
  }

  public NativeMemory put(long offset, byte[] bytes) {
    block.put(checked(offset, bytes.length), bytes, 0, bytes.length);
    return this;
  }

  /** Copies {@code length} bytes of an array in, for buffers that are used again and again. */
  public NativeMemory put(long offset, byte[] bytes, int from, int length) {
    block.put(checked(offset, length), bytes, from, length);
    return this;
  }

  /** Copies {@code length} bytes out into an array. */
  public void get(long offset, byte[] into, int from, int length) {
    block.get(checked(offset, length), into, from, length);
  }

  public int getInt(long offset) {
    return block.getInt(checked(offset, 4));
  }

  public short getShort(long offset) {
    return block.getShort(checked(offset, 2));
  }

  public long getLong(long offset) {
    return block.getLongLong(checked(offset, 8));
  }

  public byte[] get(long offset, int length) {
    byte[] out = new byte[length];
    block.get(checked(offset, length), out, 0, length);
    return out;
  }

  private long checked(long offset, long length) {
    if (offset < 0 || length < 0 || offset > sizeBytes - length) {
      throw new IndexOutOfBoundsException(
          "bytes " + offset + "+" + length + " of a block of " + sizeBytes);
    }
    return offset;
  }

  /**
   * Ends the use of the block. The memory goes when this object does; calling twice is harmless.
   */
  @Override
  @SuppressWarnings(
      "ReachabilityFenceUsage") // callers close in try-with-resources: the finally block
  public void close() {
    // Keeps the block reachable until here: the kernel was given its bare address.
    Reference.reachabilityFence(block);
  }
}
