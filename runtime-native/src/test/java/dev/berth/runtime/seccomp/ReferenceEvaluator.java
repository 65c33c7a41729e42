package dev.berth.runtime.seccomp;

import dev.berth.runtime.kernel.SyscallTable;
import dev.berth.runtime.spec.Seccomp;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Answers what a profile says about a call by reading the profile from top to bottom each time:
 * slow and obvious, to compare compiled filters with.
 */
final class ReferenceEvaluator {
  private static final int KILL_PROCESS = 0x80000000;
  private static final int ENOSYS = 0x00050026;
  private static final Map<String, String> COLUMNS =
      Map.of(
          "SCMP_ARCH_X86_64", "amd64",
          "SCMP_ARCH_X86", "x86",
          "SCMP_ARCH_X32", "x32",
          "SCMP_ARCH_AARCH64", "arm64",
          "SCMP_ARCH_ARM", "arm");

  private static final Map<String, SyscallTable> TABLES = new HashMap<>();

  private final Seccomp profile;
  private final Abi host;

  ReferenceEvaluator(Seccomp profile, Abi host) {
    this.profile = profile;
    this.host = host;
  }

  int answer(SeccompData call) {
    String architecture = architectureOf(call);
    if (!profile.architectures().contains(architecture) && !architecture.equals(host.specName())) {
      return KILL_PROCESS;
    }
    SyscallTable table = TABLES.computeIfAbsent(COLUMNS.get(architecture), SyscallTable::load);
    int number = architecture.equals("SCMP_ARCH_X32") ? call.nr() & ~0x40000000 : call.nr();
    int fallback = value(profile.defaultAction(), profile.defaultErrnoRet());
    List<Seccomp.Rule> matching = new ArrayList<>();
    int highest = -1;
    for (Seccomp.Rule rule : profile.syscalls()) {
      for (String name : rule.names()) {
        if (table.find(name).isEmpty()) {
          continue;
        }
        int named = table.number(name);
        highest = named < 0x0f0000 ? Math.max(highest, named) : highest;
        if (named == number && value(rule.action(), rule.errnoRet()) != fallback) {
          matching.add(rule);
        }
      }
    }
    for (Seccomp.Rule rule : matching) {
      if (rule.args().isEmpty()) {
        return value(rule.action(), rule.errnoRet());
      }
    }
    for (Seccomp.Rule rule : matching) {
      if (holds(rule, call)) {
        return value(rule.action(), rule.errnoRet());
      }
    }
    boolean mentioned = !matching.isEmpty();
    boolean newer = !mentioned && highest >= 0 && Integer.compareUnsigned(number, highest) > 0;
    return newer && profile.defaultAction().equals("SCMP_ACT_ERRNO") ? ENOSYS : fallback;
  }

  private String architectureOf(SeccompData call) {
    return switch (call.arch()) {
      case 0xC000003E ->
          Integer.compareUnsigned(call.nr(), 0x40000000) >= 0
              ? "SCMP_ARCH_X32"
              : "SCMP_ARCH_X86_64";
      case 0x40000003 -> "SCMP_ARCH_X86";
      case 0xC00000B7 -> "SCMP_ARCH_AARCH64";
      case 0x40000028 -> "SCMP_ARCH_ARM";
      default -> "none";
    };
  }

  private static boolean holds(Seccomp.Rule rule, SeccompData call) {
    long distinct = rule.args().stream().mapToInt(Seccomp.Arg::index).distinct().count();
    return distinct < rule.args().size()
        ? rule.args().stream().anyMatch(arg -> holds(arg, call))
        : rule.args().stream().allMatch(arg -> holds(arg, call));
  }

  private static boolean holds(Seccomp.Arg arg, SeccompData call) {
    long actual = call.args().get(arg.index());
    int order = Long.compareUnsigned(actual, arg.value());
    return switch (arg.op()) {
      case "SCMP_CMP_EQ" -> order == 0;
      case "SCMP_CMP_NE" -> order != 0;
      case "SCMP_CMP_LT" -> order < 0;
      case "SCMP_CMP_LE" -> order <= 0;
      case "SCMP_CMP_GT" -> order > 0;
      case "SCMP_CMP_GE" -> order >= 0;
      case "SCMP_CMP_MASKED_EQ" -> (actual & arg.value()) == arg.valueTwo();
      default -> throw new AssertionError(arg.op());
    };
  }

  private static int value(String action, Integer errno) {
    int data = errno == null ? 1 : errno;
    return switch (action) {
      case "SCMP_ACT_KILL", "SCMP_ACT_KILL_THREAD" -> 0;
      case "SCMP_ACT_KILL_PROCESS" -> KILL_PROCESS;
      case "SCMP_ACT_TRAP" -> 0x00030000;
      case "SCMP_ACT_ERRNO" -> 0x00050000 | data;
      case "SCMP_ACT_TRACE" -> 0x7ff00000 | data;
      case "SCMP_ACT_LOG" -> 0x7ffc0000;
      case "SCMP_ACT_ALLOW" -> 0x7fff0000;
      default -> throw new AssertionError(action);
    };
  }
}
