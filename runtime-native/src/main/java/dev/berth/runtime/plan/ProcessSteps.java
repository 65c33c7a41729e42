package dev.berth.runtime.plan;

import dev.berth.base.BerthException;
import dev.berth.runtime.kernel.Errno;
import dev.berth.runtime.spec.Capabilities;
import dev.berth.runtime.spec.CapabilityNames;
import dev.berth.runtime.spec.ContainerProcess;
import dev.berth.runtime.spec.Rlimit;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What makes a prepared process the user's: working directory, limits, identity, capabilities,
 * seccomp, exec. The same for a container's first process and for one that joins it.
 *
 * <p>A seccomp filter without no_new_privs takes CAP_SYS_ADMIN, so that capability stays until the
 * filter is in; after it only capset, prctl and execve are called, which keeps what a filter must
 * allow to the least (OCI.md: "the stub should have a fixed, tiny post-filter system call set").
 */
final class ProcessSteps {
  private static final int LAST_CAPABILITY = 40;
  private static final String DEFAULT_PATH =
      "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  private static final int PATH_MAX = 4096;

  private final PlanBuilder plan;
  private final Emitter emit;
  private final ContainerProcess process;
  private final @Nullable SeccompProgram seccomp;
  private final Reg directory;

  ProcessSteps(
      PlanBuilder plan, Emitter emit, ContainerProcess process, @Nullable SeccompProgram seccomp) {
    this.plan = plan;
    this.emit = emit;
    this.process = process;
    this.seccomp = seccomp;
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

  /** Everything that can be done before the process is told to start. */
  void prepare(String keyring) {
    plan.from("session keyring");
    plan.call("keyctl", Uapi.KEYCTL_JOIN_SESSION_KEYRING, plan.string(keyring))
        .on(Outcome.tolerate(Errno.ENOSYS))
        .on(Outcome.tolerate(Errno.EPERM))
        .on(Outcome.tolerate(Errno.EDQUOT));
    limits();
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

  private void limits() {
    for (Rlimit limit : process.rlimits()) {
      plan.from("process.rlimits " + limit.type());
      Integer resource = Uapi.RLIMITS.get(limit.type());
      if (resource == null) {
        throw new BerthException(
            BerthException.Kind.INVALID_ARGUMENT,
            "process.rlimits: unknown type \"" + limit.type() + "\"");
      }
      plan.call(
          "prlimit64",
          Arg.of(0),
          Arg.of(resource, limit.type()),
          plan.longs(
              "{ "
                  + Long.toUnsignedString(limit.soft())
                  + " "
                  + Long.toUnsignedString(limit.hard())
                  + " }",
              limit.soft(),
              limit.hard()),
          Arg.of(0));
    }
  }

  private void dropBounding() {
    plan.from("process.capabilities.bounding");
    long bounding = mask(capabilities().bounding());
    for (int i = 0; i <= LAST_CAPABILITY; i++) {
      if ((bounding & 1L << i) == 0) {
        plan.call("prctl", Uapi.PR_CAPBSET_DROP, Arg.of(i, CapabilityNames.all().get(i)))
            .on(Outcome.tolerate(Errno.EINVAL)); // a kernel older than the capability
      }
    }
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
      long admin = 1L << Uapi.CAP_SYS_ADMIN;
      Capabilities wanted = capabilities();
      capset(
          mask(wanted.effective()) | admin,
          mask(wanted.permitted()) | admin,
          mask(wanted.inheritable()));
    }
  }

  /** The last steps, after the start gate: from here on nothing waits. */
  void execute() {
    if (filterNeedsPrivilege()) {
      installFilter();
    }
    plan.from("process.capabilities");
    Capabilities wanted = capabilities();
    capset(mask(wanted.effective()), mask(wanted.permitted()), mask(wanted.inheritable()));
    ambient(wanted.ambient());
    if (seccomp != null && !filterNeedsPrivilege()) {
      installFilter();
    }
    plan.from("process.args[0]");
    plan.exec(
        candidates(),
        plan.stringArray(process.args(), "argv"),
        plan.stringArray(process.env(), "envp"));
  }

  private boolean filterNeedsPrivilege() {
    return seccomp != null && !process.noNewPrivileges();
  }

  private void installFilter() {
    SeccompProgram program = java.util.Objects.requireNonNull(seccomp);
    plan.from("linux.seccomp");
    int count = program.instructions().length / SeccompProgram.INSTRUCTION_BYTES;
    Arg.Data filter = plan.bytes(program.instructions(), "filter");
    Arg.Data header = plan.longs("{ " + count + " instructions }", count, 0);
    plan.point(header, 8, filter);
    plan.call("seccomp", Uapi.SECCOMP_SET_MODE_FILTER, Arg.of(program.flags()), header);
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
          Arg.of(number(name), name),
          Arg.of(0),
          Arg.of(0));
    }
  }

  private void capset(long effective, long permitted, long inheritable) {
    ByteBuffer data = ByteBuffer.allocate(24).order(ByteOrder.LITTLE_ENDIAN);
    for (int word = 0; word < 2; word++) {
      data.putInt((int) (effective >>> (32 * word)));
      data.putInt((int) (permitted >>> (32 * word)));
      data.putInt((int) (inheritable >>> (32 * word)));
    }
    String text = String.format("{ %x %x %x }", effective, permitted, inheritable);
    plan.call(
        "capset",
        plan.ints("v3", Uapi.LINUX_CAPABILITY_VERSION_3, 0),
        plan.bytes(data.array(), text));
  }

  /** As execvp(3): a name with a slash is a path, any other is looked for in PATH. */
  private List<String> candidates() {
    if (process.args().isEmpty()) {
      throw new BerthException(BerthException.Kind.INVALID_ARGUMENT, "process.args: is empty");
    }
    String name = process.args().getFirst();
    if (name.isEmpty() || name.contains("/")) {
      return List.of(name);
    }
    List<String> paths = new ArrayList<>();
    for (String folder : searchPath().split(":", -1)) {
      paths.add((folder.isEmpty() ? "." : folder) + "/" + name);
    }
    return paths;
  }

  private String searchPath() {
    return process.env().stream()
        .filter(entry -> entry.startsWith("PATH="))
        .reduce((earlier, later) -> later)
        .map(entry -> entry.substring("PATH=".length()))
        .orElse(DEFAULT_PATH);
  }

  /** Without process.capabilities a process has none, as with the reference runtime. */
  private Capabilities capabilities() {
    Capabilities given = process.capabilities();
    return given == null ? Capabilities.NONE : given;
  }

  private static long mask(List<String> names) {
    long mask = 0;
    for (String name : names) {
      mask |= 1L << number(name);
    }
    return mask;
  }

  private static int number(String name) {
    return CapabilityNames.number(name)
        .orElseThrow(() ->
            new BerthException(
                BerthException.Kind.INVALID_ARGUMENT,
                "process.capabilities: unknown capability \"" + name + "\""));
  }
}
