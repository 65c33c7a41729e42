package dev.berth.runtime.cgroup;

import dev.berth.base.BerthException;
import dev.berth.base.Rollback;
import dev.berth.runtime.kernel.Fd;
import dev.berth.runtime.kernel.ReadBuffer;
import dev.berth.runtime.spec.Resources;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.LongSupplier;

/**
 * A control group. The object is a name: it holds no descriptors, and the group may be gone.
 *
 * <p>Thread-safe as far as the kernel is; two threads that apply limits at once mix them.
 */
public sealed interface Cgroup permits DirectoryCgroup, ScopeCgroup {
  CgroupPath path();

  /**
   * Returns this group's directory in each v1 hierarchy by the name the hierarchy has under
   * /sys/fs/cgroup; on v2 there is one, without a name.
   */
  Map<String, String> directories();

  /**
   * Makes the group, and those above it that are missing. An empty group that is there already is
   * taken over.
   *
   * @throws BerthException FAILED_PRECONDITION if it is frozen or has processes in it. Then, and on
   *     any other failure, what this call made is removed again
   */
  void create();

  /**
   * Makes the group with limits, for a first process that enters it by itself.
   *
   * @param occupant gives a process that is not needed elsewhere, for a group that cannot be empty:
   *     a scope of systemd. It is moved there, and ended by its owner when the first process of the
   *     group's own is in. Not asked otherwise
   * @throws BerthException as {@link #create()} and {@link #apply}; what this call made is removed
   *     again. DEADLINE_EXCEEDED or UNAVAILABLE naming the unit if systemd does not answer
   */
  default void create(Resources limits, LongSupplier occupant) {
    create();
    try (Rollback rollback = new Rollback()) {
      rollback.onFailure("remove cgroup " + path(), () -> delete(Duration.ZERO));
      apply(limits);
      rollback.commit();
    }
  }

  /**
   * Writes limits, those that are given and no others; so it serves for a new group and to change
   * one in use. Device rules replace all earlier ones. Limits written before a failure stay.
   *
   * @throws BerthException naming the field of {@code linux.resources}: INVALID_ARGUMENT if the
   *     value cannot be, FAILED_PRECONDITION if the host lacks the controller or the memory in use
   *     exceeds the limit
   */
  void apply(Resources resources);

  /**
   * Opens what a process writes {@code 0} to so as to enter the group: one {@code cgroup.procs} per
   * hierarchy. The caller closes them.
   */
  List<Fd> openProcs();

  /**
   * Opens the directory for {@code clone3(CLONE_INTO_CGROUP)}, which only v2 has: empty on v1. The
   * caller closes it.
   */
  Optional<Fd> openDirectory();

  /** Moves a process, with all its threads, into the group. */
  void add(long pid);

  /**
   * Checks that a process is in this very group in every hierarchy (rule R7).
   *
   * @throws BerthException INTERNAL naming the first hierarchy where it is elsewhere, NOT_FOUND if
   *     there is no such process
   */
  void requireMember(long pid);

  /** Returns the processes in the group and below it, in no order. Lists directories. */
  List<Long> pids();

  /** Whether a process is in the group or below it. False for a group that is gone. */
  boolean isPopulated();

  /**
   * Stops all processes and returns once they are stopped. Idempotent. May block its thread.
   *
   * @throws BerthException DEADLINE_EXCEEDED after {@code limit}; the group is then thawed again
   */
  void freeze(Duration limit);

  /** Lets the processes go on. Idempotent. */
  void thaw();

  /** Whether the group was frozen by {@link #freeze}, or one above it was. */
  boolean isFrozen();

  /**
   * Ends all processes in the group and below it with SIGKILL, frozen ones too, and does not wait
   * until they are gone. Succeeds if the group is gone.
   */
  void kill();

  /**
   * Removes the group and those below it. Waits for processes that are about to end. Idempotent.
   * May block its thread.
   *
   * @throws BerthException FAILED_PRECONDITION naming processes that are still there after {@code
   *     limit}
   */
  void delete(Duration limit);

  /**
   * Reads what the group uses.
   *
   * @throws BerthException NOT_FOUND if it is gone
   */
  default CgroupStats stats() {
    try (CgroupMeter meter = meter()) {
      return meter.stats(new ReadBuffer());
    }
  }

  /**
   * Returns what reads the figures of the group again and again. It holds nothing before the first
   * time; the caller closes it.
   */
  CgroupMeter meter();

  /** Reads what the group uses beyond that. All figures are empty if it is gone. */
  CgroupDetails details();

  /**
   * Returns how many processes of the group the kernel has killed for want of memory; empty if that
   * is not counted or the group is gone. Below the group it counts on v2 only.
   */
  OptionalLong oomKills();

  /**
   * Opens what wakes its holder when the kernel was out of memory in the group; empty if that
   * cannot be told or the group is gone. Wakes at the latest with the kill, on v1 before it is
   * counted. The caller closes it.
   */
  Optional<OomSignal> oomSignal();
}
