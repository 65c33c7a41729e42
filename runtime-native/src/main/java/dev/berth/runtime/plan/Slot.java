package dev.berth.runtime.plan;

/** A descriptor that the stub itself works with; the numbers are those of SLOT_* in plan.h. */
public enum Slot {
  /** The control socket, listening. */
  LISTENER(0, "listener"),
  /** The file that gets the exit record. */
  EXIT_RECORD(1, "exit_record"),
  /** Where the stub records how far the log has come. */
  JOURNAL(2, "journal"),
  /** The FIFO behind stdout (and, with a terminal, behind everything), O_RDWR. */
  OUT(3, "out"),
  /** The FIFO behind stderr, O_RDWR. */
  ERR(4, "err"),
  /** The file that stdout passes through on its way into the log. */
  OUT_SPOOL(5, "out_spool"),
  /** The same for stderr. */
  ERR_SPOOL(6, "err_spool"),
  /** The container's log. */
  LOG(7, "log"),
  /** Terminal: what is typed. Else: a write end that keeps the process from end of file. */
  STDIN(8, "stdin_hold"),
  /** Terminal without log: where its output goes. */
  RAW_OUT(9, "raw_out"),
  /** The terminal's master; the cloned process sends it. */
  MASTER(10, "master"),
  /** The pidfd of a process that already runs: the stub adopts it. */
  INIT(11, "init");

  /** Slots in the header of a plan. */
  static final int COUNT = 16;

  private final int index;
  private final String descriptor;

  Slot(int index, String descriptor) {
    this.index = index;
    this.descriptor = descriptor;
  }

  /** The name under which a plan wants this slot's descriptor. */
  public String descriptor() {
    return descriptor;
  }

  int index() {
    return index;
  }
}
