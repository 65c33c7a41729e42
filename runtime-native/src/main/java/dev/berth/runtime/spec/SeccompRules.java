package dev.berth.runtime.spec;

import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** What {@code linux.seccomp} must satisfy; unknown system calls are for the compiler to skip. */
final class SeccompRules {
  private static final String NOTIFY = "SCMP_ACT_NOTIFY";
  private static final Set<String> ACTIONS =
      Set.of(
          "SCMP_ACT_KILL",
          "SCMP_ACT_KILL_PROCESS",
          "SCMP_ACT_KILL_THREAD",
          "SCMP_ACT_TRAP",
          "SCMP_ACT_ERRNO",
          "SCMP_ACT_TRACE",
          "SCMP_ACT_ALLOW",
          "SCMP_ACT_LOG",
          NOTIFY);
  private static final Set<String> ACTIONS_WITH_DATA = Set.of("SCMP_ACT_ERRNO", "SCMP_ACT_TRACE");
  private static final Set<String> FLAGS =
      Set.of(
          "SECCOMP_FILTER_FLAG_TSYNC",
          "SECCOMP_FILTER_FLAG_LOG",
          "SECCOMP_FILTER_FLAG_SPEC_ALLOW",
          "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV");
  private static final Set<String> OPERATORS =
      Set.of(
          "SCMP_CMP_NE",
          "SCMP_CMP_LT",
          "SCMP_CMP_LE",
          "SCMP_CMP_EQ",
          "SCMP_CMP_GE",
          "SCMP_CMP_GT",
          "SCMP_CMP_MASKED_EQ");

  private SeccompRules() {}

  static void check(Field field, Seccomp seccomp) {
    action(field, "defaultAction", seccomp.defaultAction());
    data(field.child("defaultErrnoRet"), seccomp.defaultAction(), seccomp.defaultErrnoRet());
    listener(field, seccomp);
    for (int i = 0; i < seccomp.flags().size(); i++) {
      String flag = seccomp.flags().get(i);
      field
          .child("flags")
          .element(i)
          .require(FLAGS.contains(flag), "unknown flag " + Field.quoted(flag));
    }
    for (int i = 0; i < seccomp.architectures().size(); i++) {
      String architecture = seccomp.architectures().get(i);
      field
          .child("architectures")
          .element(i)
          .require(
              architecture.matches("SCMP_ARCH_[A-Z0-9_]+"),
              "unknown architecture " + Field.quoted(architecture));
    }
    for (int i = 0; i < seccomp.syscalls().size(); i++) {
      rule(field.child("syscalls").element(i), seccomp.syscalls().get(i));
    }
  }

  private static void listener(Field field, Seccomp seccomp) {
    field
        .child("defaultAction")
        .require(
            !seccomp.defaultAction().equals(NOTIFY),
            "an agent cannot decide on every call: SCMP_ACT_NOTIFY is for rules");
    Field path = field.child("listenerPath");
    if (seccomp.listenerPath() == null) {
      path.require(!seccomp.notifies(), "required by SCMP_ACT_NOTIFY");
      field
          .child("listenerMetadata")
          .require(seccomp.listenerMetadata() == null, "needs a listenerPath");
    } else {
      path.requireAbsolute(seccomp.listenerPath());
    }
  }

  private static void rule(Field field, Seccomp.Rule rule) {
    field.child("names").require(!rule.names().isEmpty(), "required");
    action(field, "action", rule.action());
    data(field.child("errnoRet"), rule.action(), rule.errnoRet());
    List<Seccomp.Arg> args = rule.args();
    for (int i = 0; i < args.size(); i++) {
      Field arg = field.child("args").element(i);
      arg.child("index").requireRange(args.get(i).index(), 0, 5);
      arg.child("op")
          .require(
              OPERATORS.contains(args.get(i).op()),
              "unknown operator " + Field.quoted(args.get(i).op()));
    }
  }

  private static void action(Field parent, String name, String action) {
    Field field = parent.child(name);
    field.require(ACTIONS.contains(action), "unknown action " + Field.quoted(action));
  }

  private static void data(Field field, String action, @Nullable Integer value) {
    if (value != null) {
      field.require(ACTIONS_WITH_DATA.contains(action), "has no meaning for " + action);
      field.requireRange(value, 0, 0xFFFF);
    }
  }
}
