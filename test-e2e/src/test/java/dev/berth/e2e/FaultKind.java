package dev.berth.e2e;

/** What can be done to a running node, and how often beside the others. */
enum FaultKind {
  BERTHD_KILLED(5, true),
  SHIM_KILLED(5, true),
  BOTH_KILLED(4, true),
  STUB_KILLED(6, true),
  STUB_AND_BOTH_KILLED(3, true),
  PLUGIN_KILLED(3, true),
  REGISTRY_KILLED(2, true),
  SHIM_KILLED_BESIDE_STOPPED_STUBS(2, true),
  BERTHD_KILLED_BESIDE_STOPPED_SHIM(2, true),
  BERTHD_STOPPED(1, false),
  SHIM_STOPPED(1, false),
  STUB_STOPPED(2, false),
  PLUGIN_STOPPED(1, false),
  PLUGIN_SLOWED(1, false),
  REGISTRY_STOPPED(1, false),
  DISK_FULL(1, false),
  SHIM_UPGRADED(1, false);

  private final int share;
  private final boolean kill;

  FaultKind(int share, boolean kill) {
    this.share = share;
    this.kill = kill;
  }

  /** How many of these there are in a deck of faults. */
  int share() {
    return share;
  }

  /** Whether a process gets SIGKILL. */
  boolean isKill() {
    return kill;
  }
}
