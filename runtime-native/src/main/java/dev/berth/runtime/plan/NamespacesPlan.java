package dev.berth.runtime.plan;

import dev.berth.runtime.kernel.Errno;
import dev.berth.runtime.kernel.NamespaceType;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;

/**
 * Compiles the plan of a process that exists only for its namespaces: a user namespace and those
 * that it owns. It has its ids mapped, waits at the start gate while its namespaces are taken hold
 * of, and is never started.
 */
public final class NamespacesPlan {
  private NamespacesPlan() {}

  /**
   * Compiles the plan.
   *
   * @param owned what else is made; it belongs to the user namespace, because that is made first
   *     whatever the order of the flags: clone(2)
   */
  public static LaunchPlan compile(Set<NamespaceType> owned) {
    Set<NamespaceType> types = new TreeSet<>(owned);
    types.add(NamespaceType.USER);
    PlanBuilder plan = new PlanBuilder();
    plan.from("linux.namespaces");
    long[] fields = new long[Uapi.CLONE_ARGS_BYTES / 8];
    types.forEach(type -> fields[0] |= type.cloneFlag());
    fields[Uapi.CLONE_ARGS_EXIT_SIGNAL / 8] = Uapi.SIGCHLD;
    String text =
        types.stream().map(NamespaceType::specName).collect(Collectors.joining(" ", "{ ", " }"));
    plan.clone(
        plan.longs(text, fields),
        true,
        () -> {
          plan.call("prctl", Uapi.PR_SET_PDEATHSIG, Arg.of(Uapi.SIGKILL, "SIGKILL"));
          plan.ask(Question.ID_MAPS);
          plan.ask(Question.START);
          plan.fail(Errno.EPERM);
        });
    return plan.build();
  }
}
