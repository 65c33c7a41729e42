package dev.berth.runtime.spec;

import com.google.gson.annotations.SerializedName;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What runs in a container ({@code process}), at its start or by exec.
 *
 * @param terminal whether it gets a pseudo terminal
 * @param consoleSize size of that terminal
 * @param user whom it runs as
 * @param args argument vector; the first is looked up in the container's PATH
 * @param env environment, {@code NAME=value}
 * @param cwd absolute working directory
 * @param capabilities capability sets; absent for none
 * @param rlimits resource limits
 * @param noNewPrivileges whether exec can gain no privilege
 * @param apparmorProfile AppArmor profile
 * @param oomScoreAdj -1000 to 1000; absent to leave it alone
 * @param scheduler scheduling policy
 * @param selinuxLabel SELinux label
 * @param ioPriority I/O priority
 * @param execCpuAffinity CPUs of an exec
 */
public record ContainerProcess(
    boolean terminal,
    @Nullable ConsoleSize consoleSize,
    User user,
    List<String> args,
    List<String> env,
    String cwd,
    @Nullable Capabilities capabilities,
    List<Rlimit> rlimits,
    boolean noNewPrivileges,
    @Nullable String apparmorProfile,
    @Nullable Integer oomScoreAdj,
    @Nullable Scheduler scheduler,
    @Nullable String selinuxLabel,
    @Nullable IoPriority ioPriority,
    @SerializedName("execCPUAffinity") @Nullable ExecCpuAffinity execCpuAffinity) {
  public ContainerProcess {
    user = user == null ? new User(0, 0) : user; // the kernel's default when config.json is silent
    args = Absent.list(args);
    env = Absent.list(env);
    cwd = Absent.required(cwd);
    rlimits = Absent.list(rlimits);
    apparmorProfile = Absent.text(apparmorProfile);
    selinuxLabel = Absent.text(selinuxLabel);
  }

  /**
   * Reads a process on its own, as it comes with an exec.
   *
   * @throws dev.berth.base.BerthException INVALID_ARGUMENT naming the field
   */
  public static ContainerProcess parse(byte[] json) {
    return SpecJson.read("process", json, ContainerProcess.class);
  }

  /** Starts with nothing set. */
  public static Builder builder() {
    return new Builder();
  }

  /** Starts with the values of this record. */
  public Builder toBuilder() {
    Builder builder = new Builder();
    builder.terminal = terminal;
    builder.consoleSize = consoleSize;
    builder.user = user;
    builder.args = args;
    builder.env = env;
    builder.cwd = cwd;
    builder.capabilities = capabilities;
    builder.rlimits = rlimits;
    builder.noNewPrivileges = noNewPrivileges;
    builder.apparmorProfile = apparmorProfile;
    builder.oomScoreAdj = oomScoreAdj;
    builder.scheduler = scheduler;
    builder.selinuxLabel = selinuxLabel;
    builder.ioPriority = ioPriority;
    builder.execCpuAffinity = execCpuAffinity;
    return builder;
  }

  /**
   * Collects the fields of a {@link ContainerProcess}; each setter replaces the value. Not
   * thread-safe.
   */
  public static final class Builder {
    private boolean terminal;
    private @Nullable ConsoleSize consoleSize;
    private User user = new User(0, 0);
    private List<String> args = List.of();
    private List<String> env = List.of();
    private String cwd = "";
    private @Nullable Capabilities capabilities;
    private List<Rlimit> rlimits = List.of();
    private boolean noNewPrivileges;
    private @Nullable String apparmorProfile;
    private @Nullable Integer oomScoreAdj;
    private @Nullable Scheduler scheduler;
    private @Nullable String selinuxLabel;
    private @Nullable IoPriority ioPriority;
    private @Nullable ExecCpuAffinity execCpuAffinity;

    private Builder() {}

    public Builder terminal(boolean terminal) {
      this.terminal = terminal;
      return this;
    }

    public Builder consoleSize(@Nullable ConsoleSize consoleSize) {
      this.consoleSize = consoleSize;
      return this;
    }

    public Builder user(User user) {
      this.user = user;
      return this;
    }

    public Builder args(List<String> args) {
      this.args = args;
      return this;
    }

    public Builder env(List<String> env) {
      this.env = env;
      return this;
    }

    public Builder cwd(String cwd) {
      this.cwd = cwd;
      return this;
    }

    public Builder capabilities(@Nullable Capabilities capabilities) {
      this.capabilities = capabilities;
      return this;
    }

    public Builder rlimits(List<Rlimit> rlimits) {
      this.rlimits = rlimits;
      return this;
    }

    public Builder noNewPrivileges(boolean noNewPrivileges) {
      this.noNewPrivileges = noNewPrivileges;
      return this;
    }

    public Builder apparmorProfile(@Nullable String apparmorProfile) {
      this.apparmorProfile = apparmorProfile;
      return this;
    }

    public Builder oomScoreAdj(@Nullable Integer oomScoreAdj) {
      this.oomScoreAdj = oomScoreAdj;
      return this;
    }

    public Builder scheduler(@Nullable Scheduler scheduler) {
      this.scheduler = scheduler;
      return this;
    }

    public Builder selinuxLabel(@Nullable String selinuxLabel) {
      this.selinuxLabel = selinuxLabel;
      return this;
    }

    public Builder ioPriority(@Nullable IoPriority ioPriority) {
      this.ioPriority = ioPriority;
      return this;
    }

    public Builder execCpuAffinity(@Nullable ExecCpuAffinity execCpuAffinity) {
      this.execCpuAffinity = execCpuAffinity;
      return this;
    }

    /** Returns the record. */
    public ContainerProcess build() {
      return new ContainerProcess(
          terminal,
          consoleSize,
          user,
          args,
          env,
          cwd,
          capabilities,
          rlimits,
          noNewPrivileges,
          apparmorProfile,
          oomScoreAdj,
          scheduler,
          selinuxLabel,
          ioPriority,
          execCpuAffinity);
    }
  }

  /**
   * Size of a terminal in characters.
   *
   * @param height rows
   * @param width columns
   */
  public record ConsoleSize(int height, int width) {}

  /**
   * Scheduling policy (sched_setattr(2)).
   *
   * @param policy {@code SCHED_...}
   * @param nice -20 to 19
   * @param priority static priority
   * @param flags {@code SCHED_FLAG_...}
   * @param runtime nanoseconds
   * @param deadline nanoseconds
   * @param period nanoseconds
   */
  public record Scheduler(
      String policy,
      @Nullable Integer nice,
      @Nullable Integer priority,
      List<String> flags,
      @Nullable Long runtime,
      @Nullable Long deadline,
      @Nullable Long period) {
    public Scheduler {
      policy = Absent.required(policy);
      flags = Absent.list(flags);
    }
  }

  /**
   * I/O priority (ioprio_set(2)).
   *
   * @param priorityClass {@code IOPRIO_CLASS_...}
   * @param priority 0 to 7
   */
  public record IoPriority(@SerializedName("class") String priorityClass, int priority) {
    public IoPriority {
      priorityClass = Absent.required(priorityClass);
    }
  }

  /**
   * CPU lists of an exec.
   *
   * @param initial before it joins the container's cgroup
   * @param finalCpus after it
   */
  public record ExecCpuAffinity(
      @Nullable String initial, @SerializedName("final") @Nullable String finalCpus) {
    public ExecCpuAffinity {
      initial = Absent.text(initial);
      finalCpus = Absent.text(finalCpus);
    }
  }
}
