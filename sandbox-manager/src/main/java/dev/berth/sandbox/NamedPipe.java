package dev.berth.sandbox;

import dev.berth.runtime.kernel.DirFd;
import dev.berth.runtime.kernel.Fd;
import dev.berth.runtime.kernel.Fifos;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * A FIFO between this process and a command.
 *
 * @param holder keeps it open until the command has it too, so that nobody waits at open or sees an
 *     end that is none
 * @param channel our end
 */
record NamedPipe(Path path, Fd holder, FileChannel channel) {
  private static final System.Logger LOG = System.getLogger(NamedPipe.class.getName());

  /** Makes it, root's alone, and opens our end. */
  static NamedPipe make(DirFd parent, Path directory, String name, StandardOpenOption access)
      throws IOException {
    Fifos.create(parent.fd(), name, 0600, 0, 0);
    Path path = directory.resolve(name);
    Fd holder = Fifos.open(parent.fd(), name);
    try {
      return new NamedPipe(path, holder, FileChannel.open(path, access));
    } catch (IOException e) {
      holder.close();
      throw e;
    }
  }

  /** Leaves the other end to the command alone. Idempotent. */
  void letGo() {
    holder.close();
  }

  /** Closes all that is ours, which wakes whoever waits in it. Idempotent. */
  void close() {
    holder.close();
    try {
      channel.close();
    } catch (IOException e) {
      LOG.log(System.Logger.Level.WARNING, "cannot close " + path, e);
    }
  }
}
