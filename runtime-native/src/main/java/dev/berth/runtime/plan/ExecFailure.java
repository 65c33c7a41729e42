package dev.berth.runtime.plan;

import dev.berth.base.BerthException;
import dev.berth.base.Ids;
import dev.berth.runtime.kernel.Errno;

/**
 * Says why a program could not be executed, in the words in which other runtimes say it: whoever
 * wrote the pod reads it, not only whoever runs the node.
 */
final class ExecFailure {
  private ExecFailure() {}

  /**
   * Returns {@code process.args[0]: exec "prog": executable file not found in $PATH} or the like.
   *
   * @param step an exec that is about the program as the spec names it
   */
  static BerthException of(Step step, int errno) {
    String program = step.subject();
    return new BerthException(
        BerthException.Kind.INTERNAL,
        step.origin() + ": exec \"" + Ids.printable(program) + "\": " + reason(program, errno));
  }

  private static String reason(String program, int errno) {
    if (errno != Errno.ENOENT.number()) {
      return Errno.text(errno);
    }
    // The kernel says the same of a script whose interpreter is missing, or a program's loader.
    return program.contains("/")
        ? "no such file or directory (the file itself, or the interpreter it needs)"
        : "executable file not found in $PATH";
  }
}
