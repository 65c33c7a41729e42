package dev.berth.runtime.seccomp;

import dev.berth.base.BerthException;
import dev.berth.base.BerthException.Kind;
import dev.berth.runtime.spec.Seccomp;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * A profile with names resolved to numbers: the verdict for every call that it mentions, by ABI.
 *
 * <p>Where the runtime spec is silent, the reference implementations decide:
 *
 * <ul>
 *   <li>several rules for one call are OR-ed and the first that matches decides, but a rule without
 *       conditions beats every rule with some, and the first of those wins (libseccomp);
 *   <li>conditions of one rule are AND-ed, unless two of them look at the same argument: then each
 *       condition of the rule becomes a rule of its own (runc);
 *   <li>a rule whose action is the default action is dropped, also where it would shadow a later
 *       one (runc, because libseccomp refuses such rules);
 *   <li>a name that an ABI does not have is ignored;
 *   <li>a default of ERRNO turns into ENOSYS for numbers above the highest that the profile
 *       mentions, so that libc falls back from calls that were added after the profile was written.
 * </ul>
 */
record Policy(Action defaultAction, List<Section> sections) {
  Policy {
    sections = List.copyOf(sections);
  }

  /**
   * The part of one ABI.
   *
   * @param verdicts by call number as a filter sees it
   * @param beyond what numbers above the highest known to the profile get
   * @param highest the highest known number, or -1
   */
  record Section(Abi abi, SortedMap<Integer, Verdict> verdicts, int highest, Action beyond) {}

  /**
   * Resolves a profile.
   *
   * @param host the ABI of the machine's own programs; it is part of every policy
   * @throws BerthException INVALID_ARGUMENT naming the field
   */
  static Policy of(Seccomp profile, Abi host) {
    Action defaultAction =
        Action.parse(
            "linux.seccomp.defaultAction", profile.defaultAction(), profile.defaultErrnoRet());
    List<Builder> builders =
        Abi.parse(profile.architectures(), host).stream().map(Builder::new).toList();
    for (int i = 0; i < profile.syscalls().size(); i++) {
      Seccomp.Rule rule = profile.syscalls().get(i);
      String field = "linux.seccomp.syscalls[" + i + "]";
      Action action = Action.parse(field, rule.action(), rule.errnoRet());
      List<List<Condition>> alternatives = alternatives(field, rule.args());
      for (String name : rule.names()) {
        requireName(field, name);
        builders.forEach(builder -> builder.mention(name));
        if (!action.equals(defaultAction)) {
          builders.forEach(builder -> builder.add(name, alternatives, action));
        }
      }
    }
    return new Policy(
        defaultAction, builders.stream().map(builder -> builder.build(defaultAction)).toList());
  }

  private static void requireName(String field, String name) {
    if (name.isEmpty()) {
      throw new BerthException(Kind.INVALID_ARGUMENT, field + ".names holds an empty name");
    }
  }

  /** Returns what is OR-ed: lists of AND-ed conditions. One empty list is "always". */
  private static List<List<Condition>> alternatives(String field, List<Seccomp.Arg> args) {
    List<Condition> conditions = new ArrayList<>();
    Set<Integer> arguments = new HashSet<>();
    boolean repeated = false;
    for (int i = 0; i < args.size(); i++) {
      conditions.add(Condition.parse(field + ".args[" + i + "]", args.get(i)));
      repeated |= !arguments.add(args.get(i).index());
    }
    return repeated ? conditions.stream().map(List::of).toList() : List.of(conditions);
  }

  /** Collects the rules of one ABI in the order of the profile. */
  private static final class Builder {
    /** arm's private calls begin here ({@code __ARM_NR_BASE}) and say nothing about age. */
    private static final int PRIVATE_NUMBERS = 0x0f0000;

    private final Abi abi;
    private final SortedMap<Integer, Call> calls = new TreeMap<>();
    private int highest = -1;

    Builder(Abi abi) {
      this.abi = abi;
    }

    void mention(String name) {
      abi.number(name)
          .ifPresent(number -> {
            if (number - abi.numberBias() < PRIVATE_NUMBERS) {
              highest = Math.max(highest, number);
            }
          });
    }

    void add(String name, List<List<Condition>> alternatives, Action action) {
      alternatives.forEach(conditions -> addOne(name, conditions, action));
      if (abi == Abi.X86) {
        Multiplexer.reaching(name)
            .ifPresent(multiplexer -> addMultiplexed(multiplexer, name, alternatives, action));
      }
    }

    private void addOne(String name, List<Condition> conditions, Action action) {
      abi.number(name)
          .ifPresent(
              number -> calls.computeIfAbsent(number, _ -> new Call()).add(conditions, action));
    }

    /**
     * Covers the second way to a call. Its arguments lie in user memory, out of the filter's sight,
     * so a conditional rule errs on the safe side: it does not permit, and it forbids altogether.
     */
    private void addMultiplexed(
        Multiplexer multiplexer, String name, List<List<Condition>> alternatives, Action action) {
      boolean conditional = alternatives.stream().noneMatch(List::isEmpty);
      if (!conditional || !action.permits()) {
        addOne(multiplexer.syscall(), List.of(multiplexer.selecting(name)), action);
      }
    }

    Section build(Action defaultAction) {
      SortedMap<Integer, Verdict> verdicts = new TreeMap<>();
      calls.forEach((number, call) -> verdicts.put(number, call.verdict(defaultAction)));
      boolean newerIsUnknown = defaultAction.isErrno() && highest >= 0;
      return new Section(abi, verdicts, highest, newerIsUnknown ? Action.ENOSYS : defaultAction);
    }
  }

  /** The rules of one call. */
  private static final class Call {
    private final List<Verdict.Rule> rules = new ArrayList<>();
    private @Nullable Action unconditional;

    void add(List<Condition> conditions, Action action) {
      if (!conditions.isEmpty()) {
        rules.add(new Verdict.Rule(conditions, action));
      } else if (unconditional == null) {
        unconditional = action;
      }
    }

    Verdict verdict(Action defaultAction) {
      return unconditional == null
          ? new Verdict(rules, defaultAction)
          : Verdict.always(unconditional);
    }
  }
}
