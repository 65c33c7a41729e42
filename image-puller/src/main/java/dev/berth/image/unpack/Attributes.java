package dev.berth.image.unpack;

import static dev.berth.base.BerthException.Kind.FAILED_PRECONDITION;
import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;

import dev.berth.base.BerthException;
import dev.berth.runtime.kernel.Fd;
import dev.berth.runtime.kernel.InodeAttributes;
import dev.berth.runtime.kernel.InodeStatus;
import dev.berth.runtime.kernel.Inodes;

/**
 * Sets owner, mode, extended attributes and time of what was just created, in the order that keeps
 * them: chown clears setuid bits and capabilities, so it comes first; times come last.
 */
final class Attributes {
  private static final long MAX_ID = 0xFFFF_FFFEL;
  private static final String OPAQUE = "trusted.overlay.opaque";
  private static final byte[] YES = {'y'};

  private final Inodes inodes;
  private final InodeAttributes kernel;

  Attributes(Inodes inodes, InodeAttributes kernel) {
    this.inodes = inodes;
    this.kernel = kernel;
  }

  /** Sets everything of an open file or directory but its time. */
  void apply(Fd file, String name, TarEntry entry) {
    kernel.changeOwner(file, name, id("uid", entry.uid()), id("gid", entry.gid()));
    kernel.changeMode(file, name, entry.mode());
    if (!entry.xattrs().isEmpty()) {
      entry.xattrs().forEach((attribute, value) -> setXattr(file, attribute, value));
    }
  }

  /** Sets everything of a device node or FIFO. */
  void applyToNode(Fd directory, String name, TarEntry entry) {
    applyToLink(directory, name, entry);
    kernel.changeModeOfNode(directory, name, entry.mode());
    kernel.changeTimeOf(directory, name, entry.modified());
  }

  /** Sets what a symbolic link has: an owner and a time. */
  void applyToLink(Fd directory, String name, TarEntry entry) {
    kernel.changeOwnerOf(directory, name, id("uid", entry.uid()), id("gid", entry.gid()));
    kernel.changeTimeOf(directory, name, entry.modified());
  }

  /** 2^32-1 means "leave as it is" to chown(2), so it cannot be an owner. */
  private static int id(String field, long value) {
    if (value < 0 || value > MAX_ID) {
      throw new BerthException(INVALID_ARGUMENT, field + " " + value + " is out of range");
    }
    return (int) value;
  }

  private void setXattr(Fd file, String attribute, byte[] value) {
    if (!isForLayers(attribute)) {
      return;
    }
    boolean _ = kernel.setXattr(file, attribute, value); // no reason to refuse an image
  }

  /**
   * trusted.* steers overlayfs and is never taken from an archive; user.overlay.* would steer it in
   * a user namespace; SELinux labels are the host's business.
   */
  private static boolean isForLayers(String attribute) {
    return !attribute.startsWith("trusted.")
        && !attribute.startsWith("user.overlay.")
        && !attribute.equals("security.selinux");
  }

  /** Copies everything but the time from an inode of another layer. */
  void copy(Fd from, Fd to, String name) {
    InodeStatus status = inodes.status(from);
    kernel.changeOwner(to, name, status.uid(), status.gid());
    kernel.changeMode(to, name, status.permissions());
    copyXattrs(from, to);
  }

  private void copyXattrs(Fd from, Fd to) {
    for (String attribute : kernel.xattrs(from)) {
      kernel.xattr(from, attribute).ifPresent(value -> setXattr(to, attribute, value));
    }
  }

  /** Makes a directory hide what lower layers have in it. */
  void makeOpaque(Fd directory) {
    if (!kernel.setXattr(directory, OPAQUE, YES)) {
      throw new BerthException(
          FAILED_PRECONDITION, "the file system of the layers takes no attribute " + OPAQUE);
    }
  }

  /** Whether a directory of a layer hides what lower layers have in it. */
  boolean isOpaque(Fd directory) {
    return kernel
        .xattr(directory, OPAQUE)
        .map(value -> value.length == 1 && value[0] == 'y')
        .orElse(false);
  }
}
