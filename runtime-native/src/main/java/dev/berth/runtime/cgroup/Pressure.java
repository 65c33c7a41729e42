package dev.berth.runtime.cgroup;

/**
 * How long tasks of a group waited for a resource: pressure stall information of cgroup v2, in the
 * kernel's Documentation/accounting/psi.rst.
 *
 * @param some while at least one task waited
 * @param full while all of them waited
 */
public record Pressure(Stall some, Stall full) {
  /**
   * One line of a pressure file.
   *
   * @param avg10 share of the last 10 seconds, in percent
   * @param avg60 of the last minute
   * @param avg300 of the last five minutes
   * @param totalNanos since the group was made
   */
  public record Stall(double avg10, double avg60, double avg300, long totalNanos) {
    static final Stall NONE = new Stall(0, 0, 0, 0);
  }
}
