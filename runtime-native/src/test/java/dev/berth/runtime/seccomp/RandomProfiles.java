package dev.berth.runtime.seccomp;

import dev.berth.runtime.spec.Seccomp;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/** Makes profiles and calls from a seed; values crowd where comparisons go wrong. */
final class RandomProfiles {
  private static final List<String> OPERATORS =
      List.of(
          "SCMP_CMP_EQ",
          "SCMP_CMP_NE",
          "SCMP_CMP_LT",
          "SCMP_CMP_LE",
          "SCMP_CMP_GT",
          "SCMP_CMP_GE",
          "SCMP_CMP_MASKED_EQ");
  private static final List<Long> EDGES =
      List.of(
          0L,
          1L,
          2L,
          0x7fffffffL,
          0x80000000L,
          0xffffffffL,
          0x100000000L,
          0x100000001L,
          0x1ffffffffL,
          0x200000000L,
          Long.MAX_VALUE,
          Long.MIN_VALUE,
          -2L,
          -1L);
  private static final List<String> ACTIONS =
      List.of(
          "SCMP_ACT_ALLOW",
          "SCMP_ACT_ERRNO",
          "SCMP_ACT_KILL",
          "SCMP_ACT_KILL_PROCESS",
          "SCMP_ACT_TRAP",
          "SCMP_ACT_LOG",
          "SCMP_ACT_TRACE");

  // Not those reachable through socketcall and ipc: the reference knows one way to a call only.
  private static final List<String> NAMES =
      List.of(
          "read",
          "write",
          "open",
          "openat",
          "openat2",
          "close",
          "mount",
          "clone",
          "clone3",
          "ioctl",
          "prctl",
          "personality",
          "keyctl",
          "rt_sigaction",
          "execveat",
          "breakpoint",
          "set_tls",
          "futex_time64",
          "mseal",
          "no_such_call");

  private final Random random;

  RandomProfiles(long seed) {
    this.random = new Random(seed);
  }

  Seccomp profile() {
    String defaultAction = pick(ACTIONS);
    List<Seccomp.Rule> rules = new ArrayList<>();
    int count = random.nextInt(60);
    for (int i = 0; i < count; i++) {
      rules.add(rule());
    }
    List<String> architectures = new ArrayList<>();
    for (Abi abi : Abi.values()) {
      if (random.nextBoolean()) {
        architectures.add(abi.specName());
      }
    }
    return new Seccomp(
        defaultAction, errno(defaultAction), architectures, List.of(), null, null, rules);
  }

  private Seccomp.Rule rule() {
    List<String> names = new ArrayList<>();
    int count = 1 + random.nextInt(3);
    for (int i = 0; i < count; i++) {
      names.add(pick(NAMES));
    }
    List<Seccomp.Arg> args = new ArrayList<>();
    int conditions = random.nextInt(4);
    for (int i = 0; i < conditions; i++) {
      String operator = pick(OPERATORS);
      long value = number();
      // A second value outside of the mask could never be met.
      args.add(new Seccomp.Arg(random.nextInt(6), value, number() & value, operator));
    }
    String action = pick(ACTIONS);
    return new Seccomp.Rule(names, action, errno(action), args);
  }

  private Integer errno(String action) {
    boolean has = action.equals("SCMP_ACT_ERRNO") || action.equals("SCMP_ACT_TRACE");
    return has && random.nextBoolean() ? Integer.valueOf(1 + random.nextInt(130)) : null;
  }

  SeccompData call() {
    Abi abi = pick(List.of(Abi.values()));
    int number =
        switch (random.nextInt(8)) {
          case 0 -> random.nextInt(1000);
          case 1 -> -1 - random.nextInt(3);
          case 2 -> 0x0f0000 + random.nextInt(8);
          default -> abi.number(pick(NAMES)).orElse(460 + random.nextInt(10));
        };
    return SeccompData.of(abi, number, number(), number(), number(), number(), number(), number());
  }

  private long number() {
    return switch (random.nextInt(4)) {
      case 0 -> random.nextLong();
      case 1 -> random.nextInt(64);
      default -> pick(EDGES);
    };
  }

  private <T> T pick(List<T> from) {
    return from.get(random.nextInt(from.size()));
  }
}
