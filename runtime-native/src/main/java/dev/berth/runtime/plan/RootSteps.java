package dev.berth.runtime.plan;

import dev.berth.base.BerthException;
import dev.berth.runtime.kernel.Errno;
import dev.berth.runtime.spec.IdMappings;
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

  private static final String LOWER = "lowerdir+=";

  private final PlanBuilder plan;
  private final Emitter emit;
  private final Rootfs rootfs;
  private final MappedMounts mapped;
  private final MountOptions.Propagation propagation;
  private final Reg target;
  private final Reg oldRoot;
  private final Reg layer;

  RootSteps(
      PlanBuilder plan,
      Emitter emit,
      Rootfs rootfs,
      MappedMounts mapped,
      @Nullable String rootfsPropagation) {
    this.plan = plan;
    this.emit = emit;
    this.rootfs = rootfs;
    this.mapped = mapped;
    this.propagation = MountOptions.rootPropagation(rootfsPropagation);
    this.target = plan.reg("rootTarget");
    this.oldRoot = plan.reg("oldRoot");
    this.layer = plan.reg("layer");
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
        MountOptions parsed = MountOptions.parse("rootfs", ownOptions(options), true);
        emit.cloneHostTree(source, parsed.recursiveBind(), emit.root);
        mapped.apply(emit, IdMappings.ofMountOptions(options), false, emit.root);
        if (!parsed.attributes().isEmpty()) {
          emit.setAttributes(emit.root, parsed.attributes(), false);
        }
      }
      case Rootfs.Mounted(var _, String type, String source, List<String> options) -> {
        MountOptions parsed = MountOptions.parse("rootfs", ownOptions(options), false);
        List<String> data = layers(type, parsed.data());
        IdMappings mappings = IdMappings.ofMountOptions(options);
        if (mappings.isEmpty()) {
          emit.newFileSystem(type, source, data, parsed.attributes().set(), emit.root);
        } else {
          overlay(type, source, data, mappings, parsed.attributes().set());
        }
      }
    }
  }

  private static List<String> ownOptions(List<String> options) {
    return options.stream().filter(option -> !IdMappings.isMountOption(option)).toList();
  }

  /**
   * An overlay cannot be id-mapped itself, but its lower layers can be. What is written goes to the
   * upper one with the host's ids, which are the mapped ones of what is copied up.
   */
  private void overlay(
      String type, String source, List<String> data, IdMappings mappings, long attributes) {
    if (!type.equals("overlay")) {
      throw new BerthException(
          BerthException.Kind.UNIMPLEMENTED,
          "rootfs: a file system of type " + type + " cannot be id-mapped, only overlay and bind");
    }
    List<String> lower = data.stream().filter(option -> option.startsWith(LOWER)).toList();
    List<String> others = data.stream().filter(option -> !option.startsWith(LOWER)).toList();
    emit.openFileSystem(type, source, others);
    // A detached tree is gone when it is closed, and there are more layers than registers.
    long number = Emitter.FIRST_HELD;
    for (String option : lower) {
      emit.cloneHostTree(option.substring(LOWER.length()), false, layer);
      mapped.apply(emit, mappings, false, layer);
      Arg kept = Arg.of(number++);
      plan.call("dup3", layer, kept, Emitter.flags(Uapi.O_CLOEXEC, "CLOEXEC"));
      emit.configureTree("lowerdir+", kept);
    }
    emit.createFileSystem(attributes, emit.root);
    plan.call("close", layer);
    plan.call("close_range", Arg.of(Emitter.FIRST_HELD), Arg.of(number - 1), Arg.of(0));
  }

  /** Each lower layer by itself: no page-size limit, and no colon or comma in a path matters. */
  private static List<String> layers(String type, List<String> data) {
    if (!type.equals("overlay")) {
      return data;
    }
    List<String> split = new ArrayList<>();
    for (String option : data) {
      if (option.startsWith("lowerdir=")) {
        for (String directory : option.substring("lowerdir=".length()).split(":", -1)) {
          split.add(LOWER + directory);
        }
      } else {
        split.add(option);
      }
    }
    return split;
  }

  /**
   * Cuts the new mount namespace off the host's propagation and attaches the root.
   *
   * @param lookedFor hooks are to find it where the bundle says it is, if that can be reached
   */
  void attach(boolean inUserNamespace, boolean lookedFor) {
    plan.from("linux.rootfsPropagation");
    // A new user namespace's mounts are slaves of the host's from the start, as is their parent.
    if (propagation.flag() == Uapi.MS_SHARED && !inUserNamespace) {
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
    if (!inUserNamespace) {
      openTarget(mountPoint());
    } else if (!lookedFor) {
      openTarget("/");
    } else {
      Label reached = plan.label();
      Label refused = plan.label();
      openTarget(mountPoint()).on(Outcome.success(reached)).on(Outcome.go(Errno.EACCES, refused));
      plan.place(refused);
      openTarget("/");
      plan.place(reached);
    }
    emit.attach(emit.root, target);
  }

  private Step openTarget(String path) {
    return plan.call(
            "openat",
            Uapi.AT_FDCWD,
            plan.string(path),
            Emitter.flags(Uapi.O_PATH | Uapi.O_DIRECTORY | Uapi.O_CLOEXEC, "PATH|DIRECTORY"),
            Arg.of(0))
        .into(target);
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

  /** Makes the container's root the root, by pivot_root(2) or by moving it over "/". */
  void enter(boolean pivots) {
    plan.from("root");
    if (pivots) {
      pivot();
    } else {
      cover();
    }
    if (propagation.flag() == Uapi.MS_SHARED || propagation.flag() == Uapi.MS_UNBINDABLE) {
      plan.from("linux.rootfsPropagation");
      emit.setPropagation(emit.root, propagation);
    }
  }

  /** The host's tree stays mounted below, where no path leads any more. */
  private void cover() {
    plan.call("fchdir", emit.root);
    plan.call(
        "move_mount",
        emit.root,
        emit.empty(),
        Uapi.AT_FDCWD,
        plan.string("/"),
        Emitter.flags(Uapi.MOVE_MOUNT_F_EMPTY_PATH, "F_EMPTY_PATH"));
    plan.call("chroot", plan.string("."));
    plan.call("chdir", plan.string("/"));
  }

  /** Lets go of the host's tree. */
  private void pivot() {
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
  }

  /** Lets go, in the stub, of the root that the container's process has by now. */
  void close() {
    plan.from("root");
    plan.call("close", emit.root);
    emit.closeContext();
  }

  void makeReadonly() {
    plan.from("root.readonly");
    emit.setAttributes(emit.root, new MountOptions.Attributes(Uapi.MOUNT_ATTR_RDONLY, 0), false);
  }
}
