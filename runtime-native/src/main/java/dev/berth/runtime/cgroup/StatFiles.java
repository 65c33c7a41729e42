package dev.berth.runtime.cgroup;

/** The files that tell what a group uses. */
interface StatFiles {
  /**
   * Reads a file; what it returns holds until the next is read.
   *
   * @param controller which v1 hierarchy it is in; v2 has but one
   */
  StatText read(String controller, String file);
}
