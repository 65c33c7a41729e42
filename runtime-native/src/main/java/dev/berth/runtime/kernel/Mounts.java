package dev.berth.runtime.kernel;

import static dev.berth.runtime.kernel.FcntlCommands.AT_EMPTY_PATH;
import static dev.berth.runtime.kernel.FcntlCommands.AT_RECURSIVE;

import java.util.Set;

/**
 * Mounts as descriptors: a tree is cloned or made detached, given its attributes while nobody can
 * see it, and attached to a place that was resolved before (rule R3). No path is looked up here.
 *
 * <p>A detached tree that is closed without having been attached is gone.
 */
public final class Mounts {
  // linux/mount.h
  private static final int OPEN_TREE_CLONE = 1;
  private static final int OPEN_TREE_CLOEXEC = 0x80000;
  private static final int MOVE_MOUNT_F_EMPTY_PATH = 0x4;
  private static final int MOVE_MOUNT_T_EMPTY_PATH = 0x40;
  private static final int MNT_DETACH = 2;
  private static final int UMOUNT_NOFOLLOW = 8;
  private static final long MOUNT_ATTR_IDMAP = 0x100000;
  static final int SIZE_OF_MOUNT_ATTR = 32;

  private static final NativeMemory EMPTY = NativeMemory.string("");

  private Mounts() {}

  /**
   * Clones what is seen at a place as a detached mount, closed by the caller. See open_tree(2).
   *
   * @param recursive whether mounts below come along
   */
  public static Fd cloneTree(Fd place, boolean recursive) {
    int flags =
        OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0);
    return Fd.own(Syscalls.check("open_tree", place, place.number(), EMPTY.address(), flags));
  }

  /**
   * Attaches a detached tree onto a resolved target of the same kind, directory or not. The tree's
   * descriptor stays open and stands for the attached mount. See move_mount(2).
   */
  public static void attach(Fd tree, Fd target) {
    Syscalls.check(
        "move_mount",
        tree + " onto " + target,
        tree.number(),
        EMPTY.address(),
        target.number(),
        EMPTY.address(),
        MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
  }

  /** Changes attributes of a mount; those in neither set stay. See mount_setattr(2). */
  public static void setAttributes(
      Fd tree, Set<MountAttribute> set, Set<MountAttribute> clear, boolean recursive) {
    setAttributes(
        tree, MountAttribute.bits(set), MountAttribute.bitsToClear(clear, set), 0, 0, recursive);
  }

  /** Changes how mounts below a mount propagate. */
  public static void setPropagation(Fd tree, Propagation propagation, boolean recursive) {
    setAttributes(tree, 0, 0, propagation.bit(), 0, recursive);
  }

  /**
   * Maps the ids of a detached tree, once, to those of a user namespace.
   *
   * @param userNamespace has its mappings already; needed during the call only
   * @throws NativeException EINVAL if the file system cannot (overlayfs, procfs) or the tree is
   *     attached or mapped already
   */
  public static void mapIds(Fd tree, Fd userNamespace, boolean recursive) {
    setAttributes(tree, MOUNT_ATTR_IDMAP, 0, 0, userNamespace.number(), recursive);
  }

  private static void setAttributes(
      Fd tree, long set, long clear, long propagation, long userNamespace, boolean recursive) {
    try (var attributes = NativeMemory.allocate(SIZE_OF_MOUNT_ATTR)) {
      attributes.putLong(0, set).putLong(8, clear);
      attributes.putLong(16, propagation).putLong(24, userNamespace);
      Syscalls.check(
          "mount_setattr",
          tree,
          tree.number(),
          EMPTY.address(),
          AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0),
          attributes.address(),
          SIZE_OF_MOUNT_ATTR);
    }
  }

  /**
   * Takes the topmost mount off a name and everything below with it; who still uses it keeps it.
   * The name itself is not followed if it is a link.
   *
   * @return false if nothing is mounted there, or there is no such name
   */
  public static boolean detach(DirFd parent, String name) {
    // umount2 knows no descriptors: the parent is pinned, and its entry looked up once.
    try (var path =
        NativeMemory.string(Descriptors.pathOf(parent.fd()) + "/" + DirFd.requireName(name))) {
      Syscalls.Result result =
          Syscalls.call(
              Descriptors.number("umount2"), path.address(), MNT_DETACH | UMOUNT_NOFOLLOW);
      if (result.failedWith(Errno.EINVAL) || result.failedWith(Errno.ENOENT)) {
        return false;
      }
      Descriptors.checked("umount2", name, result);
      return true;
    }
  }
}
