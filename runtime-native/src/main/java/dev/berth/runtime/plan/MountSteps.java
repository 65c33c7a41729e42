package dev.berth.runtime.plan;

import dev.berth.base.BerthException;
import dev.berth.runtime.kernel.Errno;
import dev.berth.runtime.spec.Mount;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Mounts what config.json lists, in its order.
 *
 * <p>Each mount is made detached, given its attributes, and attached onto a target that was opened
 * inside the root. A source is a path of the host and is resolved before the root is changed.
 */
public final class MountSteps {
  /** The numbers of the descriptors between which {@link Question#COPY_UP} asks to copy. */
  public static final long COPIED_FROM = Emitter.FIRST_HELD;

  /** See {@link #COPIED_FROM}. */
  public static final long COPIED_TO = COPIED_FROM + 1;

  private final PlanBuilder plan;
  private final Emitter emit;
  private final CgroupEntry cgroup;
  private final MappedMounts mapped;
  private final Reg tree;
  private final Reg target;
  private final Reg dev;
  private final Reg devpts;
  private final Map<String, Arg> sources = new HashMap<>();
  private final List<Runnable> atTheEnd = new ArrayList<>();
  private boolean ownDev;
  private boolean boundDev;
  private boolean hasDevpts;

  MountSteps(PlanBuilder plan, Emitter emit, CgroupEntry cgroup, MappedMounts mapped) {
    this.plan = plan;
    this.emit = emit;
    this.cgroup = cgroup;
    this.mapped = mapped;
    this.tree = plan.reg("tree");
    this.target = plan.reg("target");
    this.dev = plan.reg("dev");
    this.devpts = plan.reg("devpts");
  }

  /**
   * Clones the sources of all bind mounts, and the container's cgroups, while the host's root still
   * runs the plan: the root of a user namespace may not reach them. Cloned in the host's mount
   * namespace they are peers of what they show; as slaves they cannot carry to the host what is
   * mounted over them.
   */
  void openSources(List<Mount> mounts) {
    for (int i = 0; i < mounts.size(); i++) {
      Mount mount = mounts.get(i);
      String field = field(mount, i);
      MountOptions options = options(mount, field);
      if (options.bind()) {
        plan.from(field);
        cloneSource(mount, options, field, tree);
        emit.setPropagation(tree, MountOptions.SLAVES);
        hold(field);
      } else if ("cgroup".equals(mount.type()) && cgroup instanceof CgroupEntry.V1 v1) {
        plan.from(field);
        for (CgroupEntry.V1.View view : v1.views()) {
          emit.cloneHostTree(view.directory(), false, tree);
          hold(field + view.name());
        }
      }
    }
  }

  /** Under numbers of their own: there may be more of them than registers. */
  private void hold(String key) {
    Arg number = Arg.of(Emitter.FIRST_HELD + sources.size());
    plan.call("dup3", tree, number, Emitter.flags(Uapi.O_CLOEXEC, "CLOEXEC"));
    sources.put(key, number);
  }

  /** Takes a tree that was cloned in advance, or says that there is none. */
  private boolean take(String key) {
    Arg held = sources.get(key);
    if (held != null) {
      plan.call("dup", held).into(tree);
    }
    return held != null;
  }

  private void cloneSource(Mount mount, MountOptions options, String field, Reg into) {
    String source = required(mount.source(), field + ": source");
    emit.cloneHostTree(source, options.recursiveBind(), into);
    mapped.apply(emit, mount, into);
  }

  /** Closes them in the stub, once the container's process has its own. */
  void closeSources() {
    if (!sources.isEmpty()) {
      long last = Emitter.FIRST_HELD + sources.size() - 1;
      plan.call("close_range", Arg.of(Emitter.FIRST_HELD), Arg.of(last), Arg.of(0));
      plan.call("close", tree);
    }
  }

  private static MountOptions options(Mount mount, String field) {
    return MountOptions.parse(field, mount.options(), "bind".equals(mount.type()));
  }

  void mountAll(List<Mount> mounts) {
    for (int i = 0; i < mounts.size(); i++) {
      mount(mounts.get(i), field(mounts.get(i), i));
    }
  }

  /** Makes read-only what had to be writable while the container was set up. */
  void finish() {
    atTheEnd.forEach(Runnable::run);
  }

  private void mount(Mount mount, String field) {
    plan.from(field);
    MountOptions options = options(mount, field);
    if (options.bind()) {
      bind(mount, options, field);
    } else if ("cgroup".equals(mount.type()) && cgroup instanceof CgroupEntry.V1 v1) {
      cgroupV1(mount, options, v1, field);
    } else {
      fileSystem(mount, options, field);
    }
  }

  private void bind(Mount mount, MountOptions options, String field) {
    if (!take(field)) {
      cloneSource(mount, options, field, tree);
    }
    setAttributes(options);
    openBindTarget(mount);
    emit.attach(tree, target);
    setPropagation(options, tree);
    if (mount.target().equals("/dev")) {
      boundDev = true;
      plan.call("dup", tree).into(dev);
    }
  }

  /**
   * A file is bound onto a file and a directory onto a directory. The plan learns only when it runs
   * which the source is: opening {@code .} inside it succeeds for a directory.
   */
  private void openBindTarget(Mount mount) {
    Label isFile = plan.label();
    Label opened = plan.label();
    plan.call(
            "openat",
            tree,
            plan.string("."),
            Emitter.flags(Uapi.O_PATH | Uapi.O_DIRECTORY | Uapi.O_CLOEXEC, "PATH|DIRECTORY"),
            Arg.of(0))
        .into(target)
        .on(Outcome.go(Errno.ENOTDIR, isFile));
    emit.openTarget(mount.target(), true, false, target);
    plan.skip(opened);
    plan.place(isFile);
    emit.openTarget(mount.target(), false, false, target);
    plan.place(opened);
  }

  private void fileSystem(Mount mount, MountOptions options, String field) {
    String type = type(mount, field);
    MountOptions.Attributes asked = options.attributes().and(options.treeAttributes());
    // A tmpfs is filled before it is closed: /dev, and mount points inside others.
    boolean later = asked.readonly() && type.equals("tmpfs");
    MountOptions.Attributes attributes = later ? asked.without(Uapi.MOUNT_ATTR_RDONLY) : asked;
    String source = mount.source() == null ? type : mount.source();
    emit.newFileSystem(type, source, options.data(), attributes.set(), tree);
    emit.openTarget(mount.target(), true, isSpecial(mount.target()), target);
    if (copiesUp(mount)) {
      copyUp();
    }
    emit.attach(tree, target);
    setPropagation(options, tree);
    remember(mount, type);
    if (later) {
      closeLater(field);
    }
  }

  /** Says whether a mount is to have what the image has in its place: {@code tmpcopyup}. */
  public static boolean copiesUp(Mount mount) {
    return mount.options().contains("tmpcopyup");
  }

  /** The field of a mount, as errors name it. */
  public static String field(Mount mount, int index) {
    return "mounts[" + index + "] " + mount.destination();
  }

  private void copyUp() {
    plan.call("dup3", target, Arg.of(COPIED_FROM), Emitter.flags(Uapi.O_CLOEXEC, "CLOEXEC"));
    plan.call("dup3", tree, Arg.of(COPIED_TO), Emitter.flags(Uapi.O_CLOEXEC, "CLOEXEC"));
    plan.ask(Question.COPY_UP);
    plan.call("close_range", Arg.of(COPIED_FROM), Arg.of(COPIED_TO), Arg.of(0));
  }

  private void remember(Mount mount, String type) {
    if (mount.target().equals("/dev")) {
      ownDev = true;
      plan.call("dup", tree).into(dev);
    }
    if (type.equals("devpts") && mount.target().equals("/dev/pts")) {
      hasDevpts = true;
      plan.call("dup", tree).into(devpts);
    }
  }

  private void closeLater(String field) {
    Reg kept = plan.reg("readonlyLater");
    plan.call("dup", tree).into(kept);
    atTheEnd.add(() -> {
      plan.from(field);
      emit.setAttributes(kept, new MountOptions.Attributes(Uapi.MOUNT_ATTR_RDONLY, 0), false);
    });
  }

  /**
   * A tmpfs with the container's directory of every hierarchy, as under a host's /sys/fs/cgroup.
   */
  private void cgroupV1(Mount mount, MountOptions options, CgroupEntry.V1 v1, String field) {
    Reg holder = plan.reg("cgroups");
    emit.newFileSystem(
        "tmpfs", "tmpfs", List.of("mode=755"), options.attributes().without(1).set(), holder);
    emit.openTarget(mount.target(), true, true, target);
    emit.attach(holder, target);
    for (CgroupEntry.V1.View view : v1.views()) {
      if (!take(field + view.name())) {
        emit.cloneHostTree(view.directory(), false, tree);
      }
      setAttributes(options);
      plan.call("mkdirat", holder, plan.string(view.name()), Emitter.mode(0755));
      emit.open(holder, view.name(), Uapi.O_PATH | Uapi.O_DIRECTORY, Uapi.RESOLVE_BENEATH, target);
      emit.attach(tree, target);
    }
    if (options.attributes().readonly()) {
      atTheEnd.add(() -> {
        plan.from(field);
        emit.setAttributes(holder, new MountOptions.Attributes(Uapi.MOUNT_ATTR_RDONLY, 0), false);
      });
    }
  }

  /** What is asked of the whole tree comes last: no option of its top takes it back. */
  private void setAttributes(MountOptions options) {
    if (!options.attributes().isEmpty()) {
      emit.setAttributes(tree, options.attributes(), false);
    }
    if (!options.treeAttributes().isEmpty()) {
      emit.setAttributes(tree, options.treeAttributes(), true);
    }
  }

  private void setPropagation(MountOptions options, Reg mount) {
    for (MountOptions.Propagation propagation : options.propagation()) {
      emit.setPropagation(mount, propagation);
    }
  }

  /** Targets that no image may redirect by a symbolic link. */
  private static boolean isSpecial(String target) {
    return target.equals("/proc")
        || target.equals("/sys")
        || target.equals("/dev")
        || target.startsWith("/proc/")
        || target.startsWith("/sys/")
        || target.startsWith("/dev/");
  }

  private static String type(Mount mount, String field) {
    String type = required(mount.type(), field + ": type");
    return type.equals("cgroup") ? "cgroup2" : type;
  }

  private static String required(@Nullable String value, String field) {
    if (value == null || value.isEmpty()) {
      throw new BerthException(BerthException.Kind.INVALID_ARGUMENT, field + ": is missing");
    }
    return value;
  }

  /** The mount at /dev, if the spec has one. */
  Reg dev() {
    return dev;
  }

  boolean hasDev() {
    return ownDev || boundDev;
  }

  /** False when /dev is the host's: nothing is made in that. */
  boolean mayMakeDevices() {
    return !boundDev;
  }

  Reg devpts() {
    return devpts;
  }

  boolean hasDevpts() {
    return hasDevpts;
  }
}
