package dev.berth.runtime.plan;

import dev.berth.base.BerthException;
import dev.berth.base.Ids;
import dev.berth.runtime.kernel.Errno;
import java.util.EnumSet;
import java.util.Set;

/**
 * Says why a program could not be executed, in the words in which other runtimes say it: whoever
 * wrote the pod reads it, not only whoever runs the node.
 */
final class ExecFailure {
  private static final Set<Errno> OF_THE_CALLER =
      EnumSet.of(
          Errno.E2BIG,
          Errno.EACCES,
          Errno.EISDIR,
          Errno.ELOOP,
          Errno.ENAMETOOLONG,
          Errno.ENOENT,
          Errno.ENOEXEC,
          Errno.ENOTDIR);

  private ExecFailure() {}

  /**
   * Returns {@code process.args[0]: exec "prog": executable file not found in $PATH} or the like.
   *
   * @param origin the field that names the program
   * @param program as the spec names it
   */
  static BerthException of(String origin, String program, int errno) {
    return new BerthException(
        kind(errno),
        origin + ": exec \"" + Ids.printable(program) + "\": " + reason(program, errno));
  }

  /** What execve(2) has against the program and its arguments is the business of who named them. */
  private static BerthException.Kind kind(int errno) {
    return OF_THE_CALLER.stream().anyMatch(known -> known.number() == errno)
        ? BerthException.Kind.INVALID_ARGUMENT
        : BerthException.Kind.INTERNAL;
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
