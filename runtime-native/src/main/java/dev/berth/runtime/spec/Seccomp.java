package dev.berth.runtime.spec;

import com.google.gson.annotations.JsonAdapter;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A system call filter ({@code linux.seccomp}).
 *
 * @param defaultAction {@code SCMP_ACT_...} for calls no rule names
 * @param defaultErrnoRet errno of the default action; absent for EPERM
 * @param architectures {@code SCMP_ARCH_...}
 * @param flags {@code SECCOMP_FILTER_FLAG_...}
 * @param listenerPath socket of a notification agent
 * @param listenerMetadata data for that agent
 * @param syscalls rules
 */
public record Seccomp(
    String defaultAction,
    @Nullable Integer defaultErrnoRet,
    List<String> architectures,
    List<String> flags,
    @Nullable String listenerPath,
    @Nullable String listenerMetadata,
    List<Rule> syscalls) {
  public Seccomp {
    defaultAction = Absent.required(defaultAction);
    architectures = Absent.list(architectures);
    flags = Absent.list(flags);
    listenerPath = Absent.text(listenerPath);
    listenerMetadata = Absent.text(listenerMetadata);
    syscalls = Absent.list(syscalls);
  }

  /** True if an agent decides on some calls. */
  public boolean notifies() {
    return syscalls.stream().anyMatch(rule -> rule.action().equals("SCMP_ACT_NOTIFY"));
  }

  /**
   * What happens to some calls.
   *
   * @param names names of system calls
   * @param action {@code SCMP_ACT_...}
   * @param errnoRet errno or trace data
   * @param args conditions; those on different arguments must all hold
   */
  public record Rule(
      List<String> names, String action, @Nullable Integer errnoRet, List<Arg> args) {
    public Rule {
      names = Absent.list(names);
      action = Absent.required(action);
      args = Absent.list(args);
    }
  }

  /**
   * A condition on one argument.
   *
   * @param index 0 to 5
   * @param value operand, unsigned 64 bits
   * @param valueTwo second operand of {@code SCMP_CMP_MASKED_EQ}, unsigned 64 bits
   * @param op {@code SCMP_CMP_...}
   */
  public record Arg(
      int index,
      @JsonAdapter(Unsigned64.class) long value,
      @JsonAdapter(Unsigned64.class) long valueTwo,
      String op) {
    public Arg {
      op = Absent.required(op);
    }
  }
}
