package dev.berth.base;

/**
 * Compares the objects of one kind, which Berth makes in the kernel or on the disk, with the
 * records that say what there should be.
 *
 * <p>An auditor stands beside the code that makes the objects, and looks only: it changes nothing,
 * and keeps nothing from one look to the next. It counts what belongs to its own instance and
 * nothing of another's.
 */
public interface Auditor {
  /** Returns what one of the objects is called, in lower case: {@code "cgroup"}. */
  String kind();

  /**
   * Looks once, without waiting for anything that is being done. What is on its way is entered as
   * it is found: {@link Audit} looks again before it says that something is wrong.
   *
   * @throws BerthException if it cannot be told what is there
   */
  void look(AuditSheet sheet);
}
