package dev.berth.runtime.checkpoint;

/**
 * Something a container uses that lies outside of it: CRIU notes its name instead of dumping it.
 * See "External resources" of criu(8).
 */
sealed interface External {
  /** Returns the value of {@code --external}. */
  String argument();

  /**
   * A mount whose source is the host's.
   *
   * @param target absolute, in the container
   */
  record Mount(String target) implements External {
    @Override
    public String argument() {
      return "mnt[" + target + "]:" + target;
    }
  }

  /**
   * A namespace that was joined.
   *
   * @param type as /proc/PID/ns calls it
   */
  record Namespace(String type, long inode) implements External {
    @Override
    public String argument() {
      return type + "[" + inode + "]:" + type;
    }
  }

  /** An open file of a mount that the container does not see, such as its output. */
  record File(int mountId, long inode) implements External {
    @Override
    public String argument() {
      return "file[" + Integer.toHexString(mountId) + ":" + Long.toHexString(inode) + "]";
    }
  }

  /**
   * A terminal whose other end is held outside.
   *
   * @param number of the device
   * @param fileSystem number of the devpts it belongs to
   */
  record Terminal(long number, long fileSystem) implements External {
    @Override
    public String argument() {
      return "tty[" + Long.toHexString(number) + ":" + Long.toHexString(fileSystem) + "]";
    }
  }
}
