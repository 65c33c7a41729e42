package dev.berth.runtime.plan;

import dev.berth.runtime.kernel.Errno;
import dev.berth.runtime.spec.Capabilities;
import dev.berth.runtime.spec.ContainerProcess;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What makes a prepared process the user's: working directory, limits, identity, capabilities,
 * seccomp, exec. The same for a container's first process and for one that joins it.
 *
 * <p>A seccomp filter without no_new_privs takes CAP_SYS_ADMIN, so that capability stays until the
 * filter is in; after it only capset, prctl and execve are called, which keeps what a filter must
 * allow to the least.
 */
final class ProcessSteps {
  private static final int PATH_MAX = 4096;

  private final PlanBuilder plan;
  private final Emitter emit;
  private final ContainerProcess process;
  private final @Nullable SeccompProgram seccomp;
  private final Placement placement;
  private final boolean isExec;
  private final Reg directory;
  private Arg.@Nullable Data filter; // once it is in the plan

  /**
   * @param isExec it joins a container, so that {@code execCPUAffinity} is about it
   */
  ProcessSteps(
      PlanBuilder plan,
      Emitter emit,
      ContainerProcess process,
      @Nullable SeccompProgram seccomp,
      Placement placement,
      boolean isExec) {
    this.plan = plan;
    this.emit = emit;
    this.process = process;
    this.seccomp = seccomp;
    this.placement = placement;
    this.isExec = isExec;
    this.directory = plan.reg("cwd");
  }

  /** Makes the working directory if it is missing, before the root becomes read-only. */
  void openDirectory() {
    plan.from("process.cwd");
    if (Emitter.components(process.cwd()).isEmpty()) {
      emit.open("/", Uapi.O_PATH | Uapi.O_DIRECTORY, directory);
    } else {
      emit.openTarget(process.cwd(), true, false, directory);
    }
  }

  /** Enters the working directory and proves that it lies inside the root (CVE-2024-21626). */
  void enterDirectory() {
    plan.from("process.cwd");
    plan.call("fchdir", directory);
    Arg.Data path = plan.bytes(new byte[PATH_MAX], "path");
    plan.call("getcwd", path, Arg.of(PATH_MAX));
    plan.check(path, 0, new byte[] {'/'}, new byte[] {(byte) 0xff}, Errno.ENOENT, "\"/\"");
  }

  /**
   * Everything that can be done before the process is told to start.
   *
   * @param keyring name of its session keyring; null to stay in that of the caller
   */
  void prepare(@Nullable String keyring) {
    if (keyring != null) {
      plan.from("session keyring");
      plan.call("keyctl", Uapi.KEYCTL_JOIN_SESSION_KEYRING, plan.string(keyring))
          .on(Outcome.tolerate(Errno.ENOSYS))
          .on(Outcome.tolerate(Errno.EPERM))
          .on(Outcome.tolerate(Errno.EDQUOT));
    }
    new LimitSteps(plan).setAll(process.rlimits());
    SchedulingSteps scheduling = new SchedulingSteps(plan);
    affinity(scheduling);
    scheduling.set(process.scheduler(), process.ioPriority());
    new PlacementSteps(plan).set(placement);
    if (process.noNewPrivileges()) {
      plan.from("process.noNewPrivileges");
      plan.call("prctl", Uapi.PR_SET_NO_NEW_PRIVS, Arg.of(1), Arg.of(0), Arg.of(0), Arg.of(0));
    }
    dropBounding();
    identity();
    plan.from("process.user.umask");
    Integer umask = process.user().umask();
    plan.call("umask", Emitter.mode(umask == null ? 0022 : umask));
    plan.from("launch");
    plan.call("close_range", Arg.of(3), Arg.of(0xffffffffL, "~0"), Uapi.CLOSE_RANGE_CLOEXEC);
  }

  /** On any CPU that the control group allows, whatever the shim was bound to. */
  private void affinity(SchedulingSteps scheduling) {
    var asked = process.execCpuAffinity();
    if (isExec && asked != null && asked.finalCpus() != null) {
      plan.from("process.execCPUAffinity.final");
      scheduling.bind(asked.finalCpus());
    } else if (!isExec || asked == null || asked.initial() == null) {
      plan.from("affinity");
      scheduling.bindToAll();
    }
  }

  /** Up to the first number that the kernel does not know, so that none of a newer one stays. */
  private void dropBounding() {
    plan.from("process.capabilities.bounding");
    CapSet bounding = CapSet.of(capabilities().bounding());
    Label done = plan.label();
    for (int i = 0; i < CapSet.LIMIT; i++) {
      if (!bounding.has(i)) {
        plan.call("prctl", Uapi.PR_CAPBSET_DROP, Arg.of(i, CapSet.name(i)))
            .on(Outcome.go(Errno.EINVAL, done));
      }
    }
    plan.place(done);
  }

  private void identity() {
    plan.from("process.user");
    long[] groups = process.user().additionalGids().stream().mapToLong(Long::longValue).toArray();
    plan.call("prctl", Uapi.PR_SET_KEEPCAPS, Arg.of(1), Arg.of(0), Arg.of(0), Arg.of(0));
    int[] ids = java.util.Arrays.stream(groups).mapToInt(id -> (int) id).toArray();
    plan.call("setgroups", Arg.of(ids.length), plan.ints(java.util.Arrays.toString(groups), ids));
    Arg gid = Arg.of(process.user().gid());
    Arg uid = Arg.of(process.user().uid());
    plan.call("setresgid", gid, gid, gid);
    plan.call("setresuid", uid, uid, uid);
    plan.call("prctl", Uapi.PR_SET_KEEPCAPS, Arg.of(0), Arg.of(0), Arg.of(0), Arg.of(0));
    if (filterNeedsPrivilege()) {
      plan.from("linux.seccomp");
      Capabilities wanted = capabilities();
      capset(
          CapSet.of(wanted.effective()).with(Uapi.CAP_SYS_ADMIN),
          CapSet.of(wanted.permitted()).with(Uapi.CAP_SYS_ADMIN),
          CapSet.of(wanted.inheritable()));
    }
  }

  /** Fails as the exec would where there is no program, or none that this user may execute. */
  void findProgram() {
    plan.from("process.args[0]");
    Label found = plan.label();
    List<String> candidates = ProgramSearch.candidates(process);
    for (String path : candidates.subList(0, candidates.size() - 1)) {
      access(path)
          .on(Outcome.success(found))
          .on(Outcome.tolerate(Errno.ENOENT))
          .on(Outcome.tolerate(Errno.ENOTDIR))
          .on(Outcome.tolerate(Errno.EACCES));
    }
    access(candidates.getLast());
    plan.place(found);
  }

  private Step access(String path) {
    return plan.call(
            "faccessat2",
            Uapi.AT_FDCWD,
            plan.string(path),
            Uapi.X_OK,
            Emitter.flags(Uapi.AT_EACCESS, "EACCESS"))
        .aboutProgram(process.args().getFirst());
  }

  /** The last steps: from here on nothing waits. */
  void execute() {
    confine(true);
    plan.from("process.args[0]");
    plan.exec(
            ProgramSearch.candidates(process),
            plan.stringArray(process.args(), "argv"),
            plan.stringArray(Environment.unique(process.env()), "envp"))
        .aboutProgram(process.args().getFirst());
  }

  /**
   * Gives up what the process has had up to now and its program must not have; for a hook, of which
   * no seccomp agent is told.
   */
  void confine() {
    confine(false);
  }

  private void confine(boolean withListener) {
    if (filterNeedsPrivilege()) {
      installFilter(withListener);
    }
    plan.from("process.capabilities");
    Capabilities wanted = capabilities();
    capset(
        CapSet.of(wanted.effective()),
        CapSet.of(wanted.permitted()),
        CapSet.of(wanted.inheritable()));
    ambient(wanted.ambient());
    if (seccomp != null && !filterNeedsPrivilege()) {
      installFilter(withListener);
    }
  }

  private boolean filterNeedsPrivilege() {
    return seccomp != null && !process.noNewPrivileges();
  }

  private void installFilter(boolean withListener) {
    SeccompProgram program = java.util.Objects.requireNonNull(seccomp);
    plan.from("linux.seccomp");
    if (filter == null) {
      int count = program.instructions().length / SeccompProgram.INSTRUCTION_BYTES;
      filter = plan.longs("{ " + count + " instructions }", count, 0);
      plan.point(filter, 8, plan.bytes(program.instructions(), "filter"));
    }
    boolean listens = withListener && program.listens();
    Arg flags = Arg.of(listens ? program.flags() : program.flagsWithoutListener());
    Step install = plan.call("seccomp", Uapi.SECCOMP_SET_MODE_FILTER, flags, filter);
    if (listens) {
      Reg listener = plan.reg("listener");
      install.into(listener);
      plan.show(listener);
    }
  }

  private void ambient(List<String> names) {
    plan.from("process.capabilities.ambient");
    plan.call(
        "prctl",
        Uapi.PR_CAP_AMBIENT,
        Uapi.PR_CAP_AMBIENT_CLEAR_ALL,
        Arg.of(0),
        Arg.of(0),
        Arg.of(0));
    for (String name : names) {
      plan.call(
          "prctl",
          Uapi.PR_CAP_AMBIENT,
          Uapi.PR_CAP_AMBIENT_RAISE,
          Arg.of(CapSet.number(name), name),
          Arg.of(0),
          Arg.of(0));
    }
  }

  private void capset(CapSet effective, CapSet permitted, CapSet inheritable) {
    plan.call(
        "capset",
        plan.ints("v3", Uapi.LINUX_CAPABILITY_VERSION_3, 0),
        plan.bytes(
            CapSet.data(effective, permitted, inheritable),
            "{ " + effective + " " + permitted + " " + inheritable + " }"));
  }

  /** Without process.capabilities a process has none, as with the reference runtime. */
  private Capabilities capabilities() {
    Capabilities given = process.capabilities();
    return given == null ? Capabilities.NONE : given;
  }
}
