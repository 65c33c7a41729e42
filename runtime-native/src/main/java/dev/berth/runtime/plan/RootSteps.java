package dev.berth.runtime.plan;

import dev.berth.runtime.kernel.Errno;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Puts the container's root file system in place and, at the end, makes it the root.
 *
 * <p>The root is a detached mount that is attached over a directory inside the container's mount
 * namespace only; with pivot_root(2) it becomes the root and the host's tree goes away.
 */
final class RootSteps {
  private static final int MAX_DEPTH = 20;

  private final PlanBuilder plan;
  private final Emitter emit;
  private final Rootfs rootfs;
  private final MountOptions.Propagation propagation;
  private final Reg target;
  private final Reg oldRoot;

  RootSteps(PlanBuilder plan, Emitter emit, Rootfs rootfs, @Nullable String rootfsPropagation) {
    this.plan = plan;
    this.emit = emit;
    this.rootfs = rootfs;
    this.propagation = MountOptions.rootPropagation(rootfsPropagation);
    this.target = plan.reg("rootTarget");
    this.oldRoot = plan.reg("oldRoot");
  }

  /**
   * Makes the root as a detached mount. Under a user namespace the stub does this before it clones:
   * the file system then belongs to the host, whose files it shows.
   */
  void make() {
    plan.from("root");
    switch (rootfs) {
      case Rootfs.Directory(String path) -> emit.cloneHostTree(path, true, emit.root);
      case Rootfs.Mounted(var _, String type, String source, var options)
          when type.equals("bind") -> {
        MountOptions parsed = MountOptions.parse("rootfs", options, true);
        emit.cloneHostTree(source, parsed.recursiveBind(), emit.root);
        if (!parsed.attributes().isEmpty()) {
          emit.setAttributes(emit.root, parsed.attributes(), false);
        }
      }
      case Rootfs.Mounted(var _, String type, String source, List<String> options) -> {
        MountOptions parsed = MountOptions.parse("rootfs", options, false);
        emit.newFileSystem(
            type, source, layers(type, parsed.data()), parsed.attributes().set(), emit.root);
      }
    }
  }

  /** Each lower layer by itself: no page-size limit, and no colon or comma in a path matters. */
  private static List<String> layers(String type, List<String> data) {
    if (!type.equals("overlay")) {
      return data;
    }
    List<String> split = new ArrayList<>();
    for (String option : data) {
      if (option.startsWith("lowerdir=")) {
        for (String layer : option.substring("lowerdir=".length()).split(":", -1)) {
          split.add("lowerdir+=" + layer);
        }
      } else {
        split.add(option);
      }
    }
    return split;
  }

  /** Cuts the new mount namespace off the host's propagation and attaches the root. */
  void attach(boolean inUserNamespace) {
    plan.from("linux.rootfsPropagation");
    if (propagation.flag() == Uapi.MS_SHARED) {
      makeParentPrivate();
    } else {
      plan.call(
          "mount_setattr",
          Uapi.AT_FDCWD,
          plan.string("/"),
          Emitter.flags(Uapi.AT_RECURSIVE, "RECURSIVE"),
          emit.attr(0, 0, propagation.flag() == Uapi.MS_PRIVATE ? Uapi.MS_PRIVATE : Uapi.MS_SLAVE),
          Arg.of(Uapi.MOUNT_ATTR_BYTES));
    }
    plan.from("root");
    plan.call(
        "mount_setattr",
        emit.root,
        emit.empty(),
        Emitter.flags(Uapi.AT_EMPTY_PATH | Uapi.AT_RECURSIVE, "RECURSIVE"),
        emit.attr(0, 0, Uapi.MS_PRIVATE),
        Arg.of(Uapi.MOUNT_ATTR_BYTES));
    // A user namespace's root may not reach the directory. It covers the host's root then, which
    // changes nothing for paths: they begin below what covers it.
    plan.call(
            "openat",
            Uapi.AT_FDCWD,
            plan.string(inUserNamespace ? "/" : mountPoint()),
            Emitter.flags(Uapi.O_PATH | Uapi.O_DIRECTORY | Uapi.O_CLOEXEC, "PATH|DIRECTORY"),
            Arg.of(0))
        .into(target);
    emit.attach(emit.root, target);
  }

  /** Only a mount's own root can be made private, so every directory up to "/" is tried. */
  private void makeParentPrivate() {
    Label done = plan.label();
    String path = mountPoint();
    for (int i = 0; i < MAX_DEPTH && !path.equals("/"); i++) {
      tryPrivate(path).on(Outcome.success(done)).on(Outcome.tolerate(Errno.EINVAL));
      path = path.substring(0, Math.max(1, path.lastIndexOf('/')));
    }
    tryPrivate("/");
    plan.place(done);
  }

  private Step tryPrivate(String path) {
    return plan.call(
        "mount_setattr",
        Uapi.AT_FDCWD,
        plan.string(path),
        Arg.of(0),
        emit.attr(0, 0, Uapi.MS_PRIVATE),
        Arg.of(Uapi.MOUNT_ATTR_BYTES));
  }

  private String mountPoint() {
    return switch (rootfs) {
      case Rootfs.Directory(String path) -> path;
      case Rootfs.Mounted(String mountPoint, var _, var _, var _) -> mountPoint;
    };
  }

  /** Makes the container's root the root and lets go of the host's tree. See pivot_root(2). */
  void pivot() {
    plan.from("root");
    plan.call(
            "openat",
            Uapi.AT_FDCWD,
            plan.string("/"),
            Emitter.flags(Uapi.O_PATH | Uapi.O_DIRECTORY | Uapi.O_CLOEXEC, "PATH|DIRECTORY"),
            Arg.of(0))
        .into(oldRoot);
    plan.call("fchdir", emit.root);
    plan.call("pivot_root", plan.string("."), plan.string("."));
    plan.call("fchdir", oldRoot);
    // What still propagates from here must not take the host's mounts away with it.
    plan.call(
        "mount_setattr",
        oldRoot,
        emit.empty(),
        Emitter.flags(Uapi.AT_EMPTY_PATH | Uapi.AT_RECURSIVE, "RECURSIVE"),
        emit.attr(0, 0, Uapi.MS_SLAVE),
        Arg.of(Uapi.MOUNT_ATTR_BYTES));
    plan.call("umount2", plan.string("."), Emitter.flags(Uapi.MNT_DETACH, "DETACH"));
    plan.call("chdir", plan.string("/"));
    if (propagation.flag() == Uapi.MS_SHARED || propagation.flag() == Uapi.MS_UNBINDABLE) {
      plan.from("linux.rootfsPropagation");
      emit.setPropagation(emit.root, propagation);
    }
  }

  void makeReadonly() {
    plan.from("root.readonly");
    emit.setAttributes(emit.root, new MountOptions.Attributes(Uapi.MOUNT_ATTR_RDONLY, 0), false);
  }
}
