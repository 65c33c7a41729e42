package dev.berth.runtime.plan;

import dev.berth.runtime.kernel.Errno;
import java.util.List;

/**
 * Hides and write-protects paths of the container: linux.maskedPaths and linux.readonlyPaths.
 *
 * <p>A masked file is covered by the host's own /dev/null, opened before the root changes and
 * verified by its device number; a masked directory by an empty read-only tmpfs. Nothing of the
 * image is ever a source (rule R3). A path that does not exist is passed over.
 */
final class PathSteps {
  private static final List<String> EMPTY_TMPFS = List.of("nr_blocks=1", "nr_inodes=1");
  private static final long NULL_DEVICE = Uapi.device(1, 3);

  private final PlanBuilder plan;
  private final Emitter emit;
  private final Reg nullDevice;
  private final Reg tree;
  private final Reg target;

  PathSteps(PlanBuilder plan, Emitter emit) {
    this.plan = plan;
    this.emit = emit;
    this.nullDevice = plan.reg("null");
    this.tree = plan.reg("cover");
    this.target = plan.reg("covered");
  }

  void makeReadonly(List<String> paths) {
    for (String path : paths) {
      plan.from("linux.readonlyPaths " + path);
      Label done = plan.label();
      openExisting(path, Uapi.O_PATH, done);
      emit.cloneTree(target, true, tree);
      emit.setAttributes(tree, new MountOptions.Attributes(Uapi.MOUNT_ATTR_RDONLY, 0), true);
      emit.attach(tree, target);
      plan.place(done);
    }
  }

  void mask(List<String> paths) {
    if (paths.isEmpty()) {
      return;
    }
    plan.from("linux.maskedPaths");
    plan.call(
            "openat",
            Uapi.AT_FDCWD,
            plan.string("/dev/null"),
            Emitter.flags(Uapi.O_PATH | Uapi.O_NOFOLLOW | Uapi.O_CLOEXEC, "PATH|NOFOLLOW"),
            Arg.of(0))
        .into(nullDevice);
    emit.checkNode(nullDevice, Uapi.S_IFCHR, NULL_DEVICE);
    for (String path : paths) {
      plan.from("linux.maskedPaths " + path);
      mask(path);
    }
  }

  private void mask(String path) {
    Label done = plan.label();
    Label isFile = plan.label();
    openExisting(path, Uapi.O_PATH | Uapi.O_DIRECTORY, done).on(Outcome.go(Errno.ENOTDIR, isFile));
    emit.newFileSystem("tmpfs", "tmpfs", EMPTY_TMPFS, Uapi.MOUNT_ATTR_RDONLY, tree);
    emit.attach(tree, target);
    plan.skip(done);
    plan.place(isFile);
    openExisting(path, Uapi.O_PATH, done);
    emit.cloneTree(nullDevice, false, tree);
    emit.attach(tree, target);
    plan.place(done);
  }

  private Step openExisting(String path, long flags, Label absent) {
    return emit.open(path, flags, target).on(Outcome.go(Errno.ENOENT, absent));
  }
}
