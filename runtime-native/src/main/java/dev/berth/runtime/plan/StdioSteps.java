package dev.berth.runtime.plan;

import dev.berth.base.BerthException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** Gives a process its descriptors 0, 1 and 2: passed ones, or a terminal. */
final class StdioSteps {
  private final PlanBuilder plan;
  private final Emitter emit;
  private final Stdio stdio;
  private final Reg[] passed;
  private final Reg master;
  private final Reg slave;

  private StdioSteps(PlanBuilder plan, Emitter emit, Stdio stdio, Reg[] passed) {
    this.plan = plan;
    this.emit = emit;
    this.stdio = stdio;
    this.passed = passed;
    this.master = plan.reg("master");
    this.slave = plan.reg("slave");
  }

  /** Declares the descriptors; call before the first register is made. */
  static Reg[] declare(PlanBuilder plan, Stdio stdio) {
    return switch (stdio) {
      case Stdio.Passed() ->
          new Reg[] {
            plan.descriptor("stdin"), plan.descriptor("stdout"), plan.descriptor("stderr")
          };
      case Stdio.Terminal _ -> new Reg[0];
    };
  }

  static StdioSteps of(PlanBuilder plan, Emitter emit, Stdio stdio, Reg[] passed) {
    return new StdioSteps(plan, emit, stdio, passed);
  }

  /**
   * Opens a terminal of the container's own devpts, before the root is changed, and hands its
   * master to the stub.
   *
   * @param onConsole bind the terminal over /dev/console
   */
  void openTerminal(MountSteps mounts, long uid, boolean onConsole) {
    if (!(stdio instanceof Stdio.Terminal terminal)) {
      return;
    }
    plan.from("process.terminal");
    if (!mounts.hasDevpts()) {
      throw new BerthException(
          BerthException.Kind.INVALID_ARGUMENT,
          "process.terminal: mounts has no devpts at /dev/pts");
    }
    emit.open(
        mounts.devpts(),
        "ptmx",
        Uapi.O_RDWR | Uapi.O_NOCTTY | Uapi.O_NONBLOCK,
        Uapi.RESOLVE_BENEATH | Uapi.RESOLVE_NO_SYMLINKS,
        master);
    openSlave(terminal, uid);
    if (onConsole) {
      Reg console = plan.reg("console");
      Reg target = plan.reg("consoleTarget");
      emit.cloneTree(slave, false, console);
      emit.openTarget("/dev/console", false, true, target);
      emit.attach(console, target);
    }
  }

  /** Opens a terminal of the devpts that the process finds in its mount namespace, for an exec. */
  void openTerminalInside(long uid) {
    if (!(stdio instanceof Stdio.Terminal terminal)) {
      return;
    }
    plan.from("process.terminal");
    emit.open("/dev/pts/ptmx", Uapi.O_RDWR | Uapi.O_NOCTTY | Uapi.O_NONBLOCK, master);
    emit.checkNode(master, Uapi.S_IFCHR, Uapi.device(5, 2));
    openSlave(terminal, uid);
  }

  private void openSlave(Stdio.Terminal terminal, long uid) {
    plan.call("ioctl", master, Uapi.TIOCSPTLCK, plan.ints("unlocked", 0));
    plan.call(
            "ioctl",
            master,
            Uapi.TIOCGPTPEER,
            Arg.of(Uapi.O_RDWR | Uapi.O_NOCTTY | Uapi.O_CLOEXEC, "RDWR|NOCTTY"))
        .into(slave);
    if (terminal.rows() > 0 && terminal.columns() > 0) {
      byte[] size =
          ByteBuffer.allocate(8)
              .order(ByteOrder.LITTLE_ENDIAN)
              .putShort((short) terminal.rows())
              .putShort((short) terminal.columns())
              .array();
      plan.call("ioctl", master, Uapi.TIOCSWINSZ, plan.bytes(size, terminal.toString()));
    }
    if (uid != 0) {
      plan.call("fchown", slave, Arg.of(uid), Arg.of(-1));
    }
    plan.sendFd(Slot.MASTER, master);
  }

  /** Puts the descriptors in place. */
  void install() {
    plan.from("process");
    switch (stdio) {
      case Stdio.Passed() -> {
        for (int i = 0; i < passed.length; i++) {
          plan.call("dup3", passed[i], Arg.of(i), Arg.of(0));
        }
      }
      case Stdio.Terminal _ -> {
        plan.from("process.terminal");
        for (int i = 0; i < 3; i++) {
          plan.call("dup3", slave, Arg.of(i), Arg.of(0));
        }
      }
    }
  }

  /**
   * Starts a session, and makes the terminal its own. After the start gate: up to there all that a
   * stub has made is in the stub's session, by which it is found when the stub was killed.
   */
  void startSession() {
    plan.from("process");
    plan.call("setsid");
    if (stdio instanceof Stdio.Terminal) {
      plan.from("process.terminal");
      plan.call("ioctl", Arg.of(0), Uapi.TIOCSCTTY, Arg.of(0));
    }
  }
}
