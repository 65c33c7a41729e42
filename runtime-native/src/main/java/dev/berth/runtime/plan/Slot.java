package dev.berth.runtime.plan;

/** A descriptor that the stub itself works with; the numbers are those of SLOT_* in plan.h. */
public enum Slot {
  /** The control socket, listening. */
  LISTENER(0),
  /** The file that gets the exit record. */
  EXIT_RECORD(1),
  /** Where the stub records how far the log has come. */
  JOURNAL(2),
  /** The FIFO behind stdout (and, with a terminal, behind everything), O_RDWR. */
  OUT(3),
  /** The FIFO behind stderr, O_RDWR. */
  ERR(4),
  /** The file that stdout passes through on its way into the log. */
  OUT_SPOOL(5),
  /** The same for stderr. */
  ERR_SPOOL(6),
  /** The container's log. */
  LOG(7),
  /** Terminal: what is typed. Else: a write end that keeps the process from end of file. */
  STDIN(8),
  /** Terminal without log: where its output goes. */
  RAW_OUT(9),
  /** The terminal's master; the cloned process sends it. */
  MASTER(10),
  /** The pidfd of a process that already runs: the stub adopts it. */
  INIT(11);

  /** Slots in the header of a plan. */
  static final int COUNT = 16;

  private final int index;

  Slot(int index) {
    this.index = index;
  }

  int index() {
    return index;
  }
}
