package dev.berth.runtime.kernel;

import static dev.berth.base.BerthException.Kind.INTERNAL;

import dev.berth.base.BerthException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;

/**
 * Processes by pidfd: a descriptor that, unlike a number, always means the same process.
 *
 * <p>The JVM reaps only what its own {@code ProcessBuilder} started, so children of {@link Spawner}
 * and adopted orphans are ours to reap.
 */
public final class Processes {
  // linux/wait.h, bits/waitflags.h
  private static final int SIGKILL = 9; // signal(7)
  private static final int P_PIDFD = 3;
  private static final int WNOHANG = 1;
  private static final int WEXITED = 4;
  private static final int WNOWAIT = 0x01000000;
  // asm-generic/siginfo.h: size, si_pid, si_status, and the values of si_code for SIGCHLD
  private static final int SIZE_OF_SIGINFO = 128;
  private static final int SI_CODE = 8;
  private static final int SI_PID = 16;
  private static final int SI_STATUS = 24;
  private static final int CLD_EXITED = 1;
  private static final int CLD_DUMPED = 3;
  // linux/pidfd.h: struct pidfd_info in its first version, since 6.13; PIDFD_INFO_EXIT since 6.15
  private static final int SIZE_OF_PIDFD_INFO = 64;
  private static final long PIDFD_GET_INFO = Ioctl.readWrite(0xFF, 11, SIZE_OF_PIDFD_INFO);
  private static final long PIDFD_INFO_EXIT = 8;
  private static final int PIDFD_INFO_EXIT_CODE = 60;
  // linux/prctl.h
  private static final int PR_SET_CHILD_SUBREAPER = 36;

  private Processes() {}

  /**
   * Takes a copy of a descriptor of a process, closed by the caller: pidfd_getfd(2).
   *
   * @throws NativeException EBADF if the process has none of this number
   */
  public static Fd takeDescriptor(Fd pidfd, int number) {
    return Fd.own(Syscalls.check("pidfd_getfd", pidfd, pidfd.number(), number, 0));
  }

  /**
   * Opens a pidfd, closed by the caller.
   *
   * @return empty if there is no such process. A number can have been recycled: compare {@link
   *     #startTime} afterwards unless the process is an unreaped child.
   */
  public static Optional<Fd> open(int pid) {
    Syscalls.Result result = Syscalls.call(Descriptors.number("pidfd_open"), pid, 0);
    if (result.failedWith(Errno.ESRCH)) {
      return Optional.empty();
    }
    return Optional.of(Fd.own(Descriptors.checked("pidfd_open", "pid " + pid, result)));
  }

  /**
   * Sends a signal.
   *
   * @return false if the process is gone; a zombie counts as there
   */
  public static boolean signal(Fd pidfd, int signal) {
    Syscalls.Result result =
        Syscalls.call(Descriptors.number("pidfd_send_signal"), pidfd.number(), signal, 0, 0);
    if (result.failedWith(Errno.ESRCH)) {
      return false;
    }
    Descriptors.checked("pidfd_send_signal", pidfd + " signal " + signal, result);
    return true;
  }

  /**
   * Kills a child that leads a process group, and all of that group that have not left it.
   *
   * @param child not reaped yet, so that the number is still that of the group
   */
  public static void killGroup(Spawner.Child child) {
    Syscalls.Result result =
        Syscalls.call(Descriptors.number("kill"), -(long) child.pid(), SIGKILL);
    if (!result.failedWith(Errno.ESRCH)) { // all of the group have ended
      Descriptors.checked("kill", "process group " + child.pid(), result);
    }
  }

  /**
   * Waits until the process has ended, whosever child it is, and leaves it to its parent to reap.
   *
   * @return false if the time is over first
   */
  public static boolean awaitExit(Fd pidfd, Duration timeout) {
    return Poll.await(pidfd, Poll.POLLIN, timeout);
  }

  /**
   * Reaps a child of this process if it has ended; does not wait.
   *
   * @return empty while it runs
   * @throws NativeException ECHILD if it is no child of this process or was reaped already
   */
  public static Optional<ExitStatus> reap(Fd pidfd) {
    return waitId(pidfd, WEXITED | WNOHANG);
  }

  /**
   * Says how a child has ended and leaves it unreaped, so that its number stays its own.
   *
   * @return empty while it runs
   * @throws NativeException ECHILD if it is no child of this process or was reaped already
   */
  public static Optional<ExitStatus> peek(Fd pidfd) {
    return waitId(pidfd, WEXITED | WNOHANG | WNOWAIT);
  }

  private static Optional<ExitStatus> waitId(Fd pidfd, int options) {
    try (var siginfo = NativeMemory.allocate(SIZE_OF_SIGINFO)) {
      Syscalls.check("waitid", pidfd, P_PIDFD, pidfd.number(), siginfo.address(), options);
      if (siginfo.getInt(SI_PID) == 0) {
        return Optional.empty();
      }
      int status = siginfo.getInt(SI_STATUS);
      int code = siginfo.getInt(SI_CODE);
      return Optional.of(
          code == CLD_EXITED
              ? new ExitStatus.Exited(status)
              : new ExitStatus.Signaled(status, code == CLD_DUMPED));
    }
  }

  /**
   * Waits for the end of a child and reaps it.
   *
   * @return empty if the time is over first
   * @throws NativeException ECHILD if it is no child of this process or was reaped already
   */
  public static Optional<ExitStatus> waitFor(Fd pidfd, Duration timeout) {
    return awaitExit(pidfd, timeout) ? reap(pidfd) : Optional.empty();
  }

  /**
   * Asks a pidfd how its process ended, also one that is no child and has been reaped by its
   * parent.
   *
   * @return empty while it runs or is unreaped, and on kernels before 6.15
   */
  public static Optional<ExitStatus> exitStatus(Fd pidfd) {
    try (var info = NativeMemory.allocate(SIZE_OF_PIDFD_INFO)) {
      info.putLong(0, PIDFD_INFO_EXIT);
      Syscalls.Result result =
          Syscalls.call(
              Descriptors.number("ioctl"), pidfd.number(), PIDFD_GET_INFO, info.address());
      // ENOTTY, EINVAL: the kernel does not know the call; ESRCH: reaped, and it does not know EXIT
      boolean unknown =
          result.failedWith(Errno.ENOTTY)
              || result.failedWith(Errno.EINVAL)
              || result.failedWith(Errno.ESRCH);
      if (unknown) {
        return Optional.empty();
      }
      Descriptors.checked("ioctl PIDFD_GET_INFO", pidfd, result);
      return (info.getLong(0) & PIDFD_INFO_EXIT) == 0
          ? Optional.empty()
          : Optional.of(ExitStatus.ofWaitStatus(info.getInt(PIDFD_INFO_EXIT_CODE)));
    }
  }

  /** Makes orphaned descendants children of this process rather than of init; idempotent. */
  public static void becomeSubreaper() {
    Syscalls.check("prctl", "PR_SET_CHILD_SUBREAPER", PR_SET_CHILD_SUBREAPER, 1);
  }

  /**
   * Reads when a process started, in clock ticks since boot: with the number it names a process for
   * as long as the machine runs (field 22 of /proc/PID/stat, proc(5)).
   *
   * @return empty if there is no such process
   */
  public static OptionalLong startTime(int pid) {
    return stat(pid).map(fields -> Long.parseLong(fields.get(19))).stream()
        .mapToLong(Long::longValue)
        .findFirst();
  }

  /** Says whether a process has ended and awaits its parent; false if there is none. */
  public static boolean isZombie(int pid) {
    return stat(pid).map(fields -> fields.getFirst().equals("Z")).orElse(false);
  }

  /**
   * Reads which cgroups a process is in, one line {@code ID:CONTROLLERS:PATH} for each hierarchy
   * (cgroups(7)); empty if there is no such process.
   */
  public static String cgroups(int pid) {
    try {
      return Files.readString(Path.of("/proc/" + pid + "/cgroup"), StandardCharsets.ISO_8859_1);
    } catch (IOException e) {
      return ""; // gone
    }
  }

  /** Says whether the kernel calls a process by this name; false if there is none. */
  public static boolean isNamed(int pid, String name) {
    Path comm = Path.of("/proc", Integer.toString(pid), "comm");
    try {
      return Files.readString(comm).strip().equals(name);
    } catch (IOException e) {
      return false; // gone
    }
  }

  /**
   * Reads a process's number in the innermost PID namespace that it is in, where it calls itself by
   * it: the last of {@code NSpid} in /proc/PID/status.
   *
   * @throws BerthException NOT_FOUND if there is no such process
   */
  public static int innermostPid(int pid) {
    Path status = Path.of("/proc", Integer.toString(pid), "status");
    try {
      return Files.readString(status, StandardCharsets.ISO_8859_1)
          .lines()
          .filter(line -> line.startsWith("NSpid:"))
          .mapToInt(line -> Integer.parseInt(line.substring(line.lastIndexOf('\t') + 1)))
          .findFirst()
          .orElse(pid);
    } catch (IOException e) {
      throw new BerthException(
          BerthException.Kind.NOT_FOUND, "cannot read " + status + ": " + e, e);
    }
  }

  /** Reads a process's session (field 6 of /proc/PID/stat); empty if there is no such process. */
  public static OptionalInt session(int pid) {
    return stat(pid).map(fields -> Integer.parseInt(fields.get(3))).stream()
        .mapToInt(Integer::intValue)
        .findFirst();
  }

  /** Says whether a read of /proc/PID failed because the process ended after the open. */
  static boolean isGone(IOException failure) {
    return String.valueOf(failure.getMessage()).contains("No such process");
  }

  /** The fields from the third on; the second, a name in parentheses, may hold anything. */
  private static Optional<List<String>> stat(int pid) {
    try {
      String text =
          Files.readString(Path.of("/proc/" + pid + "/stat"), StandardCharsets.ISO_8859_1);
      return Optional.of(List.of(text.substring(text.lastIndexOf(')') + 2).trim().split(" ", -1)));
    } catch (NoSuchFileException e) {
      return Optional.empty();
    } catch (IOException e) {
      if (isGone(e)) {
        return Optional.empty();
      }
      throw new BerthException(INTERNAL, "cannot read /proc/" + pid + "/stat: " + e, e);
    }
  }
}
