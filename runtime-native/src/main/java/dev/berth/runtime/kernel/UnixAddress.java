package dev.berth.runtime.kernel;

import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;

import dev.berth.base.BerthException;
import java.nio.charset.StandardCharsets;

/**
 * struct sockaddr_un for a name in an open directory: unix(7). The name reaches the kernel as
 * /proc/self/fd/N/NAME, because sun_path has 108 bytes, which directories easily exceed.
 */
record UnixAddress(NativeMemory block, int sizeBytes) implements AutoCloseable {
  static final int AF_UNIX = 1; // bits/socket.h
  private static final int SUN_PATH = 2;
  private static final int SIZE_OF_SUN_PATH = 108;

  static UnixAddress of(DirFd directory, String name) {
    String path = Descriptors.pathOf(directory.fd()) + "/" + DirFd.requireName(name);
    byte[] bytes = path.getBytes(StandardCharsets.UTF_8);
    if (bytes.length >= SIZE_OF_SUN_PATH) {
      throw new BerthException(INVALID_ARGUMENT, "the name of a socket is too long: " + name);
    }
    NativeMemory block = NativeMemory.allocate(SUN_PATH + SIZE_OF_SUN_PATH);
    block.putShort(0, (short) AF_UNIX).put(SUN_PATH, bytes);
    return new UnixAddress(block, SUN_PATH + bytes.length + 1);
  }

  long pointer() {
    return block.address();
  }

  @Override
  public void close() {
    block.close();
  }
}
