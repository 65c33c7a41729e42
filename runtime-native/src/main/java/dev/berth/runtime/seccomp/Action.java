package dev.berth.runtime.seccomp;

import dev.berth.base.BerthException;
import dev.berth.base.BerthException.Kind;
import dev.berth.base.Ids;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * What the kernel does with a call: a return value of a filter, {@code SECCOMP_RET_*} of {@code
 * linux/seccomp.h}, with its data in the lower half.
 */
record Action(int value) {
  private static final int RET_ERRNO = 0x00050000;
  private static final int RET_LOG = 0x7ffc0000;
  private static final int RET_ALLOW = 0x7fff0000;
  private static final int RET_KILL_PROCESS = 0x80000000;
  private static final int DATA = 0xffff;
  private static final int EPERM = 1;
  private static final int MAX_ERRNO = 4095;

  /** The actions that profiles name. */
  enum Named {
    ALLOW(RET_ALLOW, 0),
    ERRNO(RET_ERRNO, MAX_ERRNO),
    KILL(0, 0),
    KILL_PROCESS(RET_KILL_PROCESS, 0),
    KILL_THREAD(0, 0),
    LOG(RET_LOG, 0),
    NOTIFY(0x7fc00000, 0),
    TRACE(0x7ff00000, DATA),
    TRAP(0x00030000, 0);

    private final int value;
    private final int greatest; // number that it returns; 0 for none

    Named(int value, int greatest) {
      this.value = value;
      this.greatest = greatest;
    }

    String specName() {
      return "SCMP_ACT_" + name();
    }
  }

  static final Action ALLOW = new Action(RET_ALLOW);
  static final Action ENOSYS = new Action(RET_ERRNO | 38);

  /** For ABIs that a profile does not list: it cannot mean to let their numbers through. */
  static final Action KILL_PROCESS = new Action(RET_KILL_PROCESS);

  /**
   * Reads an action of the runtime spec.
   *
   * @param field where it stands, for errors: {@code linux.seccomp.syscalls[2].}
   * @throws BerthException INVALID_ARGUMENT for an unknown action or an errno it cannot have
   */
  static Action parse(String field, String name, @Nullable Integer errnoRet) {
    Named action =
        Arrays.stream(Named.values())
            .filter(named -> named.specName().equals(name))
            .findFirst()
            .orElseThrow(() ->
                new BerthException(
                    Kind.INVALID_ARGUMENT,
                    field + ": action \"" + Ids.printable(name) + "\" is not known"));
    return action.greatest > 0
        ? withData(field, action.value, errnoRet, action.greatest)
        : plain(field, name, action.value, errnoRet);
  }

  private static Action withData(String field, int action, @Nullable Integer data, int max) {
    if (data != null && (data < 0 || data > max)) {
      throw new BerthException(
          Kind.INVALID_ARGUMENT, field + ": errno " + data + " is not between 0 and " + max);
    }
    return new Action(action | (data == null ? EPERM : data));
  }

  private static Action plain(String field, String name, int action, @Nullable Integer data) {
    if (data != null) {
      throw new BerthException(
          Kind.INVALID_ARGUMENT, field + ": " + name + " returns no errno, " + data + " was given");
    }
    return new Action(action);
  }

  boolean isErrno() {
    return (value & ~DATA) == RET_ERRNO;
  }

  /** Whether the call happens when nothing else objects. */
  boolean permits() {
    return value == RET_ALLOW || value == RET_LOG;
  }
}
