package dev.berth.runtime.plan;

import static dev.berth.runtime.plan.Uapi.AT_EMPTY_PATH;
import static dev.berth.runtime.plan.Uapi.AT_FDCWD;
import static dev.berth.runtime.plan.Uapi.AT_RECURSIVE;
import static dev.berth.runtime.plan.Uapi.FSCONFIG_CMD_CREATE;
import static dev.berth.runtime.plan.Uapi.FSCONFIG_SET_FLAG;
import static dev.berth.runtime.plan.Uapi.FSCONFIG_SET_STRING;
import static dev.berth.runtime.plan.Uapi.MOVE_MOUNT_FD_TO_FD;
import static dev.berth.runtime.plan.Uapi.OPEN_TREE_CLONE;
import static dev.berth.runtime.plan.Uapi.O_CLOEXEC;
import static dev.berth.runtime.plan.Uapi.O_DIRECTORY;
import static dev.berth.runtime.plan.Uapi.O_PATH;
import static dev.berth.runtime.plan.Uapi.RESOLVE_IN_ROOT;
import static dev.berth.runtime.plan.Uapi.RESOLVE_NO_MAGICLINKS;

import dev.berth.runtime.kernel.Errno;
import dev.berth.runtime.spec.ContainerPaths;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The few idioms that plans are made of: resolve a path inside the root by descriptor, make a
 * detached mount, attach it onto a descriptor. No path under the root is resolved twice (rule R3).
 */
final class Emitter {
  private static final long IN_ROOT = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;

  /**
   * Descriptors from this number on are nobody's: those of the stub and of the registers are lower.
   * Trees are held there that must not be closed yet and may be more than registers.
   */
  static final long FIRST_HELD = 256;

  /** File systems that have labels of their own, or none: context= is not for them. */
  private static final Set<String> UNLABELLED =
      Set.of("proc", "sysfs", "mqueue", "cgroup", "cgroup2");

  private final PlanBuilder plan;
  private final @Nullable String mountLabel;

  /** The container's root, as a descriptor of its mount. */
  final Reg root;

  private final Reg parent;
  private final Reg made;
  private final Reg context;

  Emitter(PlanBuilder plan) {
    this(plan, null);
  }

  /**
   * @param mountLabel SELinux label of the files of file systems that are made
   */
  Emitter(PlanBuilder plan, @Nullable String mountLabel) {
    this.plan = plan;
    this.mountLabel = mountLabel;
    this.root = plan.reg("root");
    this.parent = plan.reg("parent");
    this.made = plan.reg("made");
    this.context = plan.reg("fs");
  }

  /** openat2 of {@code path} inside the root. The step is returned for its outcomes. */
  Step open(String path, long flags, Reg into) {
    return open(root, path, flags, IN_ROOT, into);
  }

  Step open(Reg directory, String path, long flags, long resolve, Reg into) {
    String text = OpenText.of(flags, resolve);
    return plan.call(
            "openat2",
            directory,
            plan.string(path),
            plan.longs(text, flags | O_CLOEXEC, 0, resolve),
            Arg.of(Uapi.OPEN_HOW_BYTES))
        .into(into)
        // A rename elsewhere in the tree while ".." is resolved: the kernel asks to try again.
        .on(Outcome.retry(Errno.EAGAIN));
  }

  /** Opens {@code path} inside the root as a mount target, making it and its parents if missing. */
  void openTarget(String path, boolean directory, boolean plain, Reg into) {
    long resolve = plain ? IN_ROOT | Uapi.RESOLVE_NO_SYMLINKS : IN_ROOT;
    long flags = directory ? O_PATH | O_DIRECTORY : O_PATH;
    Label there = plan.label();
    Label missing = plan.label();
    open(root, path, flags, resolve, into)
        .on(Outcome.success(there))
        .on(Outcome.go(Errno.ENOENT, missing));
    plan.place(missing);
    List<String> names = components(path);
    openParents(names);
    String last = names.getLast();
    if (directory) {
      plan.call("mkdirat", parent, plan.string(last), mode(0755))
          .on(Outcome.tolerate(Errno.EEXIST));
    } else {
      plan.call("mknodat", parent, plan.string(last), mode(Uapi.S_IFREG | 0644), Arg.of(0))
          .on(Outcome.tolerate(Errno.EEXIST));
    }
    open(root, path, flags, resolve, into);
    plan.place(there);
  }

  /** Opens the directory above the last name into the returned register, making what is missing. */
  Reg openParents(List<String> names) {
    plan.call("dup", root).into(parent);
    StringBuilder path = new StringBuilder();
    for (String name : names.subList(0, names.size() - 1)) {
      path.append('/').append(name);
      plan.call("mkdirat", parent, plan.string(name), mode(0755))
          .on(Outcome.tolerate(Errno.EEXIST));
      open(path.toString(), O_PATH | O_DIRECTORY, parent);
    }
    return parent;
  }

  static List<String> components(String path) {
    List<String> names = new ArrayList<>();
    for (String name : ContainerPaths.clean(path).split("/", -1)) {
      if (!name.isEmpty()) {
        names.add(name);
      }
    }
    return names;
  }

  static Arg mode(int mode) {
    return Arg.of(mode, "0" + Integer.toOctalString(mode));
  }

  /** Clones the tree at a path of the host, as seen before the root is changed, detached. */
  Step cloneHostTree(String path, boolean recursive, Reg into) {
    long flags = OPEN_TREE_CLONE | O_CLOEXEC | (recursive ? AT_RECURSIVE : 0);
    return plan.call(
            "open_tree",
            AT_FDCWD,
            plan.string(path),
            flags(flags, recursive ? "CLONE|RECURSIVE" : "CLONE"))
        .into(into);
  }

  /** Clones the tree that a descriptor stands for. */
  Step cloneTree(Reg of, boolean recursive, Reg into) {
    long flags = OPEN_TREE_CLONE | O_CLOEXEC | AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0);
    return plan.call(
            "open_tree", of, empty(), flags(flags, recursive ? "CLONE|RECURSIVE" : "CLONE"))
        .into(into);
  }

  /** Attaches a detached tree onto an opened target. */
  Step attach(Reg tree, Reg target) {
    return plan.call(
        "move_mount", tree, empty(), target, empty(), flags(MOVE_MOUNT_FD_TO_FD, "FD_TO_FD"));
  }

  Step setAttributes(Reg mount, MountOptions.Attributes attributes, boolean recursive) {
    return setAttr(mount, attributes.set(), attributes.clear(), 0, recursive);
  }

  Step setPropagation(Reg mount, MountOptions.Propagation propagation) {
    return setAttr(mount, 0, 0, propagation.flag(), propagation.recursive());
  }

  private Step setAttr(Reg mount, long set, long clear, long propagation, boolean recursive) {
    return plan.call(
        "mount_setattr",
        mount,
        empty(),
        flags(AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), recursive ? "RECURSIVE" : "0"),
        attr(set, clear, propagation),
        Arg.of(Uapi.MOUNT_ATTR_BYTES));
  }

  Arg.Data attr(long set, long clear, long propagation) {
    String text =
        "{"
            + (set == 0 ? "" : " +" + MountText.attributes(set))
            + (clear == 0 ? "" : " -" + MountText.attributes(clear))
            + (propagation == 0 ? "" : " " + MountText.propagation(propagation))
            + " }";
    return plan.longs(text, set, clear, propagation, 0);
  }

  /** Shows the files of a detached tree with the ids of a user namespace. */
  void mapIds(Reg tree, Reg userNamespace, boolean recursive) {
    Arg.Data attributes = plan.longs("{ +idmap }", Uapi.MOUNT_ATTR_IDMAP, 0, 0, 0);
    plan.store(attributes, Uapi.MOUNT_ATTR_USERNS_OFFSET, 8, userNamespace);
    plan.call(
            "mount_setattr",
            tree,
            empty(),
            flags(AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), recursive ? "RECURSIVE" : "0"),
            attributes,
            Arg.of(Uapi.MOUNT_ATTR_BYTES))
        .about("MOUNT_ATTR_IDMAP, which its file system may not allow");
  }

  /** Makes a new file system instance as a detached mount. */
  void newFileSystem(String type, String source, List<String> data, long attributes, Reg into) {
    openFileSystem(type, source, data);
    createFileSystem(attributes, into);
  }

  /** Begins a file system instance, which {@link #createFileSystem} then makes. */
  void openFileSystem(String type, String source, List<String> data) {
    plan.call("fsopen", plan.string(type), flags(Uapi.FSOPEN_CLOEXEC, "CLOEXEC")).into(context);
    configure("source", source);
    for (String option : data) {
      int equals = option.indexOf('=');
      if (equals < 0) {
        plan.call("fsconfig", context, Arg.of(FSCONFIG_SET_FLAG, "SET_FLAG"), plan.string(option));
      } else {
        configure(option.substring(0, equals), option.substring(equals + 1));
      }
    }
    if (mountLabel != null && !UNLABELLED.contains(type)) {
      configure("context", mountLabel);
    }
  }

  /** Sets a parameter of the instance that was begun to a tree. */
  void configureTree(String key, Arg tree) {
    plan.call(
        "fsconfig",
        context,
        Arg.of(Uapi.FSCONFIG_SET_FD, "SET_FD"),
        plan.string(key),
        Arg.of(0),
        tree);
  }

  /** A context that stays open keeps its file system from ending. */
  void closeContext() {
    plan.call("close", context).on(Outcome.tolerate(Errno.EBADF));
  }

  void createFileSystem(long attributes, Reg into) {
    plan.call("fsconfig", context, Arg.of(FSCONFIG_CMD_CREATE, "CREATE"));
    plan.call(
            "fsmount",
            context,
            flags(Uapi.FSMOUNT_CLOEXEC, "CLOEXEC"),
            Arg.of(attributes, MountText.attributes(attributes)))
        .into(into);
  }

  private void configure(String key, String value) {
    plan.call(
        "fsconfig",
        context,
        Arg.of(FSCONFIG_SET_STRING, "SET_STRING"),
        plan.string(key),
        plan.string(value),
        Arg.of(0));
  }

  /** Makes a node in an opened directory and hands it to its owner. */
  void makeNode(Reg directory, String name, int mode, long device, long uid, long gid) {
    plan.call(
            "mknodat", directory, plan.string(name), mode(mode), Arg.of(device, deviceText(device)))
        .on(Outcome.tolerate(Errno.EEXIST));
    open(directory, name, O_PATH | Uapi.O_NOFOLLOW, Uapi.RESOLVE_BENEATH, made);
    checkNode(made, mode, device);
    if (uid != 0 || gid != 0) {
      plan.call(
          "fchownat", made, empty(), Arg.of(uid), Arg.of(gid), flags(AT_EMPTY_PATH, "EMPTY_PATH"));
    }
  }

  /** Fails with ENODEV unless the opened node is of this type and number. */
  void checkNode(Reg node, int mode, long device) {
    Arg.Data status = plan.bytes(new byte[256], "statx");
    plan.call(
        "statx",
        node,
        empty(),
        flags(AT_EMPTY_PATH, "EMPTY_PATH"),
        Arg.of(Uapi.STATX_TYPE, "TYPE"),
        status);
    byte[] type = {(byte) (mode & 0xff), (byte) (mode >> 8)};
    byte[] typeMask = {0, (byte) 0xf0};
    plan.check(
        status,
        Uapi.STATX_MODE_OFFSET,
        type,
        typeMask,
        Errno.ENODEV,
        "type 0" + Integer.toOctalString(mode & 0170000));
    if ((mode & 0170000) == Uapi.S_IFIFO) {
      return; // a FIFO has no device number
    }
    byte[] all = new byte[8];
    java.util.Arrays.fill(all, (byte) 0xff);
    plan.check(
        status,
        Uapi.STATX_RDEV_OFFSET,
        number(device),
        all,
        Errno.ENODEV,
        "device " + deviceText(device));
  }

  private static byte[] number(long device) {
    return java.nio.ByteBuffer.allocate(8)
        .order(java.nio.ByteOrder.LITTLE_ENDIAN)
        .putInt((int) major(device))
        .putInt((int) minor(device))
        .array();
  }

  private static long major(long device) {
    return ((device >> 8) & 0xfff) | ((device >> 32) & ~0xfffL);
  }

  private static long minor(long device) {
    return (device & 0xff) | ((device >> 12) & 0xffffff00L);
  }

  private static String deviceText(long device) {
    return major(device) + ":" + minor(device);
  }

  Arg.Data empty() {
    return plan.string("");
  }

  static Arg flags(long value, String text) {
    return Arg.of(value, text);
  }
}
