package dev.berth.runtime.plan;

import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;
import static dev.berth.base.BerthException.Kind.UNIMPLEMENTED;

import dev.berth.base.BerthException;
import dev.berth.runtime.spec.Linux;
import dev.berth.runtime.spec.Namespace;
import dev.berth.runtime.spec.TimeOffset;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Enters and makes the namespaces of a container.
 *
 * <p>The rules, from namespaces(7), setns(2) and user_namespaces(7):
 *
 * <ul>
 *   <li>A PID namespace is joined for the children of who joins it, which stays where it is.
 *   <li>Everything else is joined first, the user namespace last: before it is entered, the process
 *       may join what the host owns and what the user namespace owns.
 *   <li>What is made anew must belong to the container's user namespace, so it is made after that
 *       was joined. A joined user namespace, or a new one beside joined namespaces, therefore takes
 *       a helper that joins and then clones the container's process as its sibling.
 *   <li>A cgroup namespace shows the cgroup the process is in when the namespace is made: under v1
 *       it is unshared after the process has moved.
 *   <li>A time namespace is made by the container's process itself: see {@link TimeSteps}.
 * </ul>
 */
final class NamespaceSteps {
  private static final Map<String, Long> FLAGS =
      Map.of(
          "mount", Uapi.CLONE_NEWNS,
          "pid", Uapi.CLONE_NEWPID,
          "network", Uapi.CLONE_NEWNET,
          "ipc", Uapi.CLONE_NEWIPC,
          "uts", Uapi.CLONE_NEWUTS,
          "user", Uapi.CLONE_NEWUSER,
          "cgroup", Uapi.CLONE_NEWCGROUP,
          "time", Uapi.CLONE_NEWTIME);

  private final PlanBuilder plan;
  private final Map<String, Reg> joined = new LinkedHashMap<>();
  private final CgroupEntry cgroup;
  private final Map<String, TimeOffset> timeOffsets;
  private final List<Reg> cgroupFiles = new ArrayList<>();
  private final boolean hasNetDevices;
  private long fresh;

  /** Declares the descriptors of what is joined: {@code ns.network} and so on. */
  NamespaceSteps(PlanBuilder plan, Linux linux, CgroupEntry cgroup) {
    this.plan = plan;
    this.cgroup = cgroup;
    this.timeOffsets = linux.timeOffsets();
    this.hasNetDevices = !linux.netDevices().isEmpty();
    for (Namespace namespace : linux.namespaces()) {
      Long flag = FLAGS.get(namespace.type());
      if (flag == null) {
        throw new BerthException(
            UNIMPLEMENTED, "linux.namespaces: type " + namespace.type() + " is not supported");
      }
      if (namespace.path() != null) {
        joined.put(namespace.type(), plan.descriptor("ns." + namespace.type()));
      } else {
        fresh |= flag;
      }
    }
    if (joined.containsKey("mount")) {
      throw new BerthException(
          UNIMPLEMENTED, "linux.namespaces: joining a mount namespace by path is not supported");
    }
    if ((fresh & Uapi.CLONE_NEWNS) == 0) {
      throw new BerthException(
          INVALID_ARGUMENT, "linux.namespaces: a container needs a mount namespace of its own");
    }
    declareCgroup();
  }

  private void declareCgroup() {
    switch (cgroup) {
      case CgroupEntry.V1(int hierarchies, var _) -> {
        for (int i = 0; i < hierarchies; i++) {
          cgroupFiles.add(plan.descriptor("cgroup." + i));
        }
      }
      case CgroupEntry.V2() -> cgroupFiles.add(plan.descriptor("cgroup"));
      case CgroupEntry.None() -> {}
    }
  }

  /** True if the container's process is in a user namespace other than the host's. */
  boolean inUserNamespace() {
    return has(Uapi.CLONE_NEWUSER) || joined.containsKey("user");
  }

  private boolean has(long flag) {
    return (fresh & flag) != 0;
  }

  /** Emits the clone of the container's process, which then runs {@code body}. */
  void cloneProcess(Runnable body) {
    plan.from("linux.namespaces");
    if (needsHelper()) {
      cloneHelper(body);
    } else {
      joinPid();
      plan.clone(
          cloneArgs(cloneFlags(), intoCgroup()),
          true,
          () -> {
            enterCgroupV1();
            joinOthers();
            startInside(body);
          });
    }
  }

  private boolean needsHelper() {
    boolean joinsOthers = joined.keySet().stream().anyMatch(type -> !type.equals("pid"));
    return joined.containsKey("user") || (has(Uapi.CLONE_NEWUSER) && joinsOthers);
  }

  private void cloneHelper(Runnable body) {
    plan.clone(
        cloneArgs(0, intoCgroup()),
        false,
        () -> {
          enterCgroupV1();
          joinPid();
          joinOthers();
          plan.from("linux.namespaces");
          plan.clone(
              cloneArgs(cloneFlags() | Uapi.CLONE_PARENT, false), true, () -> startInside(body));
        });
  }

  private void startInside(Runnable body) {
    if (has(Uapi.CLONE_NEWUSER)) {
      plan.from("linux.uidMappings");
      plan.ask(Question.ID_MAPS);
    }
    if (has(Uapi.CLONE_NEWTIME)) {
      new TimeSteps(plan).enter(timeOffsets);
    }
    if (inUserNamespace()) {
      plan.from("linux.namespaces user");
      plan.call("setresgid", Arg.of(0), Arg.of(0), Arg.of(0));
      plan.call("setresuid", Arg.of(0), Arg.of(0), Arg.of(0));
    }
    if (has(Uapi.CLONE_NEWCGROUP) && !(cgroup instanceof CgroupEntry.V2)) {
      plan.from("linux.namespaces cgroup");
      plan.call("unshare", Emitter.flags(Uapi.CLONE_NEWCGROUP, "NEWCGROUP"));
    }
    if (hasNetDevices) {
      plan.from("linux.netDevices");
      plan.ask(Question.NET_DEVICES);
    }
    body.run();
  }

  /**
   * Without what the process unshares itself: a time namespace, and under v1 the cgroup namespace,
   * which comes after the move.
   */
  private long cloneFlags() {
    long cloned = fresh & ~Uapi.CLONE_NEWTIME;
    return cgroup instanceof CgroupEntry.V2 ? cloned : cloned & ~Uapi.CLONE_NEWCGROUP;
  }

  private boolean intoCgroup() {
    return cgroup instanceof CgroupEntry.V2;
  }

  private Arg.Data cloneArgs(long flags, boolean intoCgroup) {
    long[] fields = new long[Uapi.CLONE_ARGS_BYTES / 8];
    fields[0] = flags | (intoCgroup ? Uapi.CLONE_INTO_CGROUP : 0);
    // A sibling cannot name its own signal: it has the one its parent has, see clone(2).
    fields[Uapi.CLONE_ARGS_EXIT_SIGNAL / 8] = (flags & Uapi.CLONE_PARENT) == 0 ? Uapi.SIGCHLD : 0;
    Arg.Data args = plan.longs(text(fields[0]), fields);
    if (intoCgroup) {
      plan.store(args, Uapi.CLONE_ARGS_CGROUP, 8, cgroupFiles.getFirst());
    }
    return args;
  }

  private void enterCgroupV1() {
    if (cgroup instanceof CgroupEntry.V1) {
      plan.from("linux.cgroupsPath");
      for (Reg file : cgroupFiles) {
        plan.call("write", file, plan.string("0"), Arg.of(1));
      }
    }
  }

  /**
   * Whoever clones the container's process does it, for its children: it stays in the host's PID
   * namespace itself, so that it is not seen from inside and the number it announces is the host's.
   */
  private void joinPid() {
    Reg pid = joined.get("pid");
    if (pid != null) {
      setns(pid, "pid", Uapi.CLONE_NEWPID);
    }
  }

  private void joinOthers() {
    for (String type : List.of("ipc", "uts", "network", "time", "cgroup", "user")) {
      Reg namespace = joined.get(type);
      if (namespace != null) {
        setns(namespace, type, flag(type));
      }
    }
  }

  private void setns(Reg namespace, String type, long flag) {
    plan.from("linux.namespaces " + type);
    plan.call("setns", namespace, Arg.of(flag, "NEW" + type.toUpperCase(java.util.Locale.ROOT)));
  }

  private static long flag(String type) {
    return FLAGS.getOrDefault(type, 0L);
  }

  private static String text(long flags) {
    List<String> names = new ArrayList<>();
    for (String type : List.of("user", "mount", "pid", "network", "ipc", "uts", "cgroup")) {
      if ((flags & flag(type)) != 0) {
        names.add(type);
      }
    }
    if ((flags & Uapi.CLONE_PARENT) != 0) {
      names.add("parent");
    }
    if ((flags & Uapi.CLONE_INTO_CGROUP) != 0) {
      names.add("into_cgroup");
    }
    return "{ " + String.join(" ", names) + " }";
  }
}
