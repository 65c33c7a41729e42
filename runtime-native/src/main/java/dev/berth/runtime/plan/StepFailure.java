package dev.berth.runtime.plan;

import dev.berth.base.BerthException;
import dev.berth.base.Ids;
import dev.berth.runtime.kernel.Errno;
import java.util.EnumSet;
import java.util.Set;

/**
 * What there is to say about a step if it fails. It needs no plan, so that whoever opens the gate
 * of a process later can still say it.
 *
 * @param kind which words the errno takes
 * @param origin the field of the configuration that the step comes from
 * @param what the call with the path or name that it is about; or the program
 * @param limit how long is waited for a hook; empty for other steps
 */
public record StepFailure(Kind kind, String origin, String what, String limit) {
  /** What a step does, as far as its failure is concerned. */
  public enum Kind {
    /** A system call. */
    CALL,
    /** Executes a program, or makes sure that it could. */
    PROGRAM,
    /** Waits for a hook. */
    WAIT
  }

  private static final Set<Errno> OF_THE_PATH =
      EnumSet.of(Errno.ELOOP, Errno.ENAMETOOLONG, Errno.ENOTDIR);

  static StepFailure of(Step step) {
    if (step.isOfProgram()) {
      return new StepFailure(Kind.PROGRAM, step.origin(), step.subject(), "");
    }
    if (step.op() == Op.WAIT) {
      return new StepFailure(
          Kind.WAIT, step.origin(), step.subject(), step.args().getLast().toString());
    }
    return new StepFailure(Kind.CALL, step.origin(), step.name() + subject(step), "");
  }

  /** The first piece of text among the arguments: the path or name that the call was about. */
  private static String subject(Step step) {
    if (!step.subject().isEmpty()) {
      return " " + step.subject();
    }
    return step.args().stream()
        .filter(arg -> arg instanceof Arg.Data)
        .map(arg -> " " + arg)
        .filter(text -> text.startsWith(" \"") && text.length() > 3)
        .findFirst()
        .orElse("");
  }

  /** Explains the errno: the field it came from, the call, and the words for it. */
  public BerthException explain(int errno) {
    return switch (kind) {
      case PROGRAM -> ExecFailure.of(origin, what, errno);
      case WAIT -> new BerthException(BerthException.Kind.INTERNAL, origin + waited(errno));
      case CALL ->
          new BerthException(kind(errno), origin + ": " + what + ": " + Errno.describe(errno));
    };
  }

  /** A path that leads through a file, or nowhere, is the business of who named it. */
  private static BerthException.Kind kind(int errno) {
    return OF_THE_PATH.stream().anyMatch(known -> known.number() == errno)
        ? BerthException.Kind.INVALID_ARGUMENT
        : BerthException.Kind.INTERNAL;
  }

  private String waited(int errno) {
    String program = ": " + Ids.printable(what);
    if (errno == Errno.ETIMEDOUT.number()) {
      return program + " did not end within " + limit + " and was killed";
    }
    if (errno >= PlanEncoder.WAIT_SIGNALED) {
      return program + " was killed by signal " + (errno - PlanEncoder.WAIT_SIGNALED);
    }
    return errno >= PlanEncoder.WAIT_EXITED
        ? program + " exited with " + (errno - PlanEncoder.WAIT_EXITED)
        : program + " cannot be waited for: " + Errno.describe(errno);
  }
}
