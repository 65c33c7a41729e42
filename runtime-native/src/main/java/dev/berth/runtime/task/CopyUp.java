package dev.berth.runtime.task;

import dev.berth.base.BerthException;
import dev.berth.runtime.kernel.Descriptors;
import dev.berth.runtime.kernel.Fd;
import dev.berth.runtime.kernel.FileContent;
import dev.berth.runtime.kernel.InodeAttributes;
import dev.berth.runtime.kernel.InodeStatus;
import dev.berth.runtime.kernel.Inodes;
import dev.berth.runtime.kernel.NativeException;
import dev.berth.runtime.kernel.OpenFlag;
import dev.berth.runtime.plan.MountSteps;
import java.nio.file.Path;

/**
 * Fills a tmpfs with what the image has where it will be mounted: the mount option {@code
 * tmpcopyup}. The container's process has both open and waits.
 *
 * <p>Everything is reached from those two descriptors, name by name, and no symbolic link is
 * followed; the size of the tmpfs bounds what is copied.
 */
final class CopyUp implements AutoCloseable {
  /** The mode of a tmpfs of which the options say nothing: tmpfs(5). */
  private static final int DEFAULT_MODE = 01777;

  private final Inodes inodes = new Inodes();
  private final InodeAttributes attributes = new InodeAttributes();
  private final FileContent content = new FileContent();
  private final byte[] chunk = new byte[FileContent.CHUNK_BYTES];

  /**
   * Copies for a process that asks for it.
   *
   * @param field the mount, for errors
   */
  static void run(int pid, String field) {
    Path descriptors = Path.of("/proc", Integer.toString(pid), "fd");
    try (var copy = new CopyUp();
        Fd from = open(descriptors, MountSteps.COPIED_FROM);
        Fd to = open(descriptors, MountSteps.COPIED_TO)) {
      copy.contents(from, to);
      if (copy.inodes.status(to).permissions() == DEFAULT_MODE) {
        copy.describe(from, to, copy.inodes.status(from), ".");
      }
    } catch (NativeException e) {
      throw new BerthException(
          BerthException.Kind.INTERNAL, field + ": tmpcopyup: " + e.getMessage(), e);
    }
  }

  private static Fd open(Path descriptors, long number) {
    return Descriptors.open(descriptors.resolve(Long.toString(number)), OpenFlag.DIRECTORY);
  }

  private void contents(Fd from, Fd to) {
    for (String name : inodes.list(from)) {
      inodes.status(from, name).ifPresent(status -> entry(from, to, name, status));
    }
  }

  private void entry(Fd from, Fd to, String name, InodeStatus status) {
    switch (status.type()) {
      case InodeStatus.DIRECTORY -> directory(from, to, name, status);
      case InodeStatus.REGULAR -> file(from, to, name, status);
      case InodeStatus.SYMBOLIC_LINK -> {
        inodes.makeSymbolicLink(to, name, inodes.readLink(from, name));
        describeNode(to, name, status);
      }
      case InodeStatus.FIFO, InodeStatus.CHARACTER, InodeStatus.BLOCK -> {
        inodes.makeNode(to, name, status.type(), status.device());
        describeNode(to, name, status);
        attributes.changeModeOfNode(to, name, status.permissions());
      }
      default -> {
        // a socket, to which nobody listens any more
      }
    }
  }

  private void directory(Fd from, Fd to, String name, InodeStatus status) {
    inodes.makeDirectory(to, name);
    try (Fd source = inodes.openDirectory(from, name);
        Fd target = inodes.openDirectory(to, name)) {
      contents(source, target);
      describe(source, target, status, name);
    }
  }

  private void file(Fd from, Fd to, String name, InodeStatus status) {
    try (Fd source = inodes.openFile(from, name);
        Fd target = inodes.createFile(to, name).orElseThrow()) {
      for (int size; (size = content.read(source, name, chunk)) > 0; ) {
        content.write(target, name, chunk, size);
      }
      describe(source, target, status, name);
    }
  }

  /** The owner first: a change of it takes set-id bits and file capabilities away. */
  private void describe(Fd source, Fd target, InodeStatus status, String name) {
    attributes.changeOwner(target, name, status.uid(), status.gid());
    attributes.changeMode(target, name, status.permissions());
    for (String attribute : attributes.xattrs(source)) {
      attributes
          .xattr(source, attribute)
          .ifPresent(value -> attributes.setXattr(target, attribute, value));
    }
    attributes.changeTime(target, name, status.modified());
  }

  private void describeNode(Fd to, String name, InodeStatus status) {
    attributes.changeOwnerOf(to, name, status.uid(), status.gid());
    attributes.changeTimeOf(to, name, status.modified());
  }

  @Override
  public void close() {
    inodes.close();
    attributes.close();
    content.close();
  }
}
