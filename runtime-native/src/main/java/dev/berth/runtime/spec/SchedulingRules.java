package dev.berth.runtime.spec;

import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What {@code process.scheduler}, {@code process.ioPriority} and {@code process.execCPUAffinity}
 * must satisfy: which figures a policy has (sched(7)), so that none is given in vain.
 */
final class SchedulingRules {
  private static final Set<String> ORDINARY =
      Set.of("SCHED_OTHER", "SCHED_BATCH", "SCHED_IDLE", "SCHED_ISO");
  private static final Set<String> WITH_NICE = Set.of("SCHED_OTHER", "SCHED_BATCH");
  private static final Set<String> WITH_PRIORITY = Set.of("SCHED_FIFO", "SCHED_RR");
  private static final String DEADLINE = "SCHED_DEADLINE";
  private static final Set<String> FLAGS =
      Set.of(
          "SCHED_FLAG_RESET_ON_FORK",
          "SCHED_FLAG_RECLAIM",
          "SCHED_FLAG_DL_OVERRUN",
          "SCHED_FLAG_KEEP_POLICY",
          "SCHED_FLAG_KEEP_PARAMS",
          "SCHED_FLAG_UTIL_CLAMP_MIN",
          "SCHED_FLAG_UTIL_CLAMP_MAX");

  /** Those that ioprio_set(2) can be asked for, with whether they have levels. */
  private static final Map<String, Boolean> IO_CLASSES =
      Map.of("IOPRIO_CLASS_RT", true, "IOPRIO_CLASS_BE", true, "IOPRIO_CLASS_IDLE", false);

  /** The most that a kernel of the architectures served can be built for: NR_CPUS. */
  static final int MAX_CPU = 8191;

  private SchedulingRules() {}

  static void scheduler(Field field, ContainerProcess.@Nullable Scheduler scheduler) {
    if (scheduler == null) {
      return;
    }
    String policy = scheduler.policy();
    Field name = field.child("policy");
    name.require(!policy.isEmpty(), "required");
    // Reserved in linux/sched.h, and implemented by no kernel.
    name.unsupportedIf(policy.equals("SCHED_ISO"));
    name.require(
        ORDINARY.contains(policy) || WITH_PRIORITY.contains(policy) || policy.equals(DEADLINE),
        "unknown policy " + Field.quoted(policy));
    ranged(field.child("nice"), scheduler.nice(), WITH_NICE.contains(policy), policy, -20, 19);
    boolean realTime = WITH_PRIORITY.contains(policy);
    ranged(field.child("priority"), scheduler.priority(), realTime, policy, 1, 99);
    field
        .child("priority")
        .require(!realTime || scheduler.priority() != null, "required by " + policy);
    for (int i = 0; i < scheduler.flags().size(); i++) {
      String flag = scheduler.flags().get(i);
      field
          .child("flags")
          .element(i)
          .require(FLAGS.contains(flag), "unknown flag " + Field.quoted(flag));
    }
    deadline(field, scheduler);
  }

  /**
   * The kernel wants runtime &lt;= deadline &lt;= period, and takes the deadline for a period of 0.
   */
  private static void deadline(Field field, ContainerProcess.Scheduler scheduler) {
    boolean deadline = scheduler.policy().equals(DEADLINE);
    String policy = scheduler.policy();
    ranged(field.child("runtime"), scheduler.runtime(), deadline, policy, 0, Long.MAX_VALUE);
    ranged(field.child("deadline"), scheduler.deadline(), deadline, policy, 0, Long.MAX_VALUE);
    ranged(field.child("period"), scheduler.period(), deadline, policy, 0, Long.MAX_VALUE);
    if (deadline) {
      long runtime = orZero(scheduler.runtime());
      long limit = orZero(scheduler.deadline());
      long period = orZero(scheduler.period());
      field.child("runtime").require(runtime > 0, "required by " + policy);
      field.child("deadline").require(limit >= runtime, "is below the runtime");
      field.child("period").require(period == 0 || period >= limit, "is below the deadline");
    }
  }

  private static long orZero(@Nullable Long value) {
    return value == null ? 0 : value;
  }

  /** A figure that the policy does not have is 0 or absent, as writers of JSON leave it. */
  private static void ranged(
      Field field, @Nullable Number value, boolean has, String policy, long low, long high) {
    if (value == null) {
      return;
    }
    if (has) {
      field.requireRange(value.longValue(), low, high);
    } else {
      field.require(value.longValue() == 0, "has no meaning for " + policy);
    }
  }

  static void ioPriority(Field field, ContainerProcess.@Nullable IoPriority priority) {
    if (priority == null) {
      return;
    }
    Boolean levels = IO_CLASSES.get(priority.priorityClass());
    field
        .child("class")
        .require(levels != null, "unknown class " + Field.quoted(priority.priorityClass()));
    field.child("priority").requireRange(priority.priority(), 0, 7);
  }

  static void affinity(Field field, ContainerProcess.@Nullable ExecCpuAffinity affinity) {
    if (affinity != null) {
      cpus(field.child("initial"), affinity.initial());
      cpus(field.child("final"), affinity.finalCpus());
    }
  }

  private static void cpus(Field field, @Nullable String list) {
    field.require(
        list == null || NumberList.isOne(list, MAX_CPU),
        "expected CPUs as 0-2,5, not " + Field.quoted(String.valueOf(list)));
  }
}
