package dev.berth.runtime.plan;

import static java.util.Objects.requireNonNull;

import dev.berth.runtime.kernel.Errno;
import dev.berth.runtime.spec.ContainerProcess;
import dev.berth.runtime.spec.NumberList;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * How the kernel shares out CPU and disk time: {@code process.scheduler}, {@code
 * process.ioPriority}, the CPUs. What the spec is silent about is as init would have it, whatever
 * the shim runs with; only where the shim was made less important than others and may not undo it
 * for its children (CAP_SYS_NICE), they stay so.
 */
final class SchedulingSteps {
  private static final ContainerProcess.Scheduler DEFAULT =
      new ContainerProcess.Scheduler("SCHED_OTHER", null, null, List.of(), null, null, null);

  /** The most that a kernel of the architectures served can be built for: NR_CPUS. */
  private static final int MAX_CPUS = 8192;

  private final PlanBuilder plan;

  SchedulingSteps(PlanBuilder plan) {
    this.plan = plan;
  }

  void bindToAll() {
    byte[] all = new byte[MAX_CPUS / 8];
    Arrays.fill(all, (byte) 0xff);
    setAffinity(all, "all");
  }

  /** Binds to a list of CPUs, of which one at least must be allowed by the control group. */
  void bind(String cpus) {
    byte[] numbers = new NumberList(cpus).numbers().toByteArray();
    setAffinity(Arrays.copyOf(numbers, MAX_CPUS / 8), cpus);
  }

  private void setAffinity(byte[] mask, String text) {
    plan.call("sched_setaffinity", Arg.of(0), Arg.of(mask.length), plan.bytes(mask, text));
  }

  void set(
      ContainerProcess.@Nullable Scheduler scheduler,
      ContainerProcess.@Nullable IoPriority ioPriority) {
    plan.from(scheduler == null ? "default scheduler" : "process.scheduler");
    Step step =
        plan.call(
            "sched_setattr", Arg.of(0), attributes(scheduler == null ? DEFAULT : scheduler), NONE);
    if (scheduler == null) {
      step.on(Outcome.tolerate(Errno.EPERM));
    }
    plan.from(ioPriority == null ? "default I/O priority" : "process.ioPriority");
    plan.call("ioprio_set", Uapi.IOPRIO_WHO_PROCESS, Arg.of(0), value(ioPriority));
  }

  private static final Arg NONE = Arg.of(0);

  /** struct sched_attr of linux/sched/types.h, as the first kernels with it had it. */
  private Arg attributes(ContainerProcess.Scheduler scheduler) {
    int flags =
        scheduler.flags().stream()
            .mapToInt(name -> number(Uapi.SCHED_FLAGS, name))
            .reduce(0, (a, b) -> a | b);
    byte[] bytes =
        ByteBuffer.allocate(Uapi.SCHED_ATTR_SIZE_VER0)
            .order(ByteOrder.LITTLE_ENDIAN)
            .putInt(Uapi.SCHED_ATTR_SIZE_VER0)
            .putInt(number(Uapi.SCHED_POLICIES, scheduler.policy()))
            .putLong(flags)
            .putInt(scheduler.nice() == null ? 0 : scheduler.nice())
            .putInt(scheduler.priority() == null ? 0 : scheduler.priority())
            .putLong(orZero(scheduler.runtime()))
            .putLong(orZero(scheduler.deadline()))
            .putLong(orZero(scheduler.period()))
            .array();
    return plan.bytes(bytes, text(scheduler));
  }

  private static String text(ContainerProcess.Scheduler scheduler) {
    return "{ "
        + scheduler.policy().replace("SCHED_", "")
        + String.join("", scheduler.flags().stream().map(flag -> " " + flag).toList())
        + figure("nice", scheduler.nice())
        + figure("priority", scheduler.priority())
        + figure("runtime", scheduler.runtime())
        + figure("deadline", scheduler.deadline())
        + figure("period", scheduler.period())
        + " }";
  }

  private static String figure(String name, @Nullable Number value) {
    return value == null ? "" : " " + name + " " + value;
  }

  private static long orZero(@Nullable Long value) {
    return value == null ? 0 : value;
  }

  private static Arg value(ContainerProcess.@Nullable IoPriority priority) {
    if (priority == null) {
      return Arg.of(0, "NONE");
    }
    String name = priority.priorityClass();
    long value =
        ((long) number(Uapi.IO_CLASSES, name) << Uapi.IOPRIO_CLASS_SHIFT) | priority.priority();
    return Arg.of(value, name.replace("IOPRIO_CLASS_", "") + " " + priority.priority());
  }

  /** Every name was checked with the spec. */
  private static int number(Map<String, Integer> numbers, String name) {
    return requireNonNull(numbers.get(name), name);
  }
}
