package dev.berth.sandbox;

import java.time.Duration;

/** Who looks for a task at its shim, and what is known of it: see {@link Tasks#adoptSurely}. */
interface TaskSearch {
  /** Returns how long the shim may take for one answer; zero if nobody wants the task any more. */
  Duration patience();

  /** Tells whether the kernel has a process of the task. */
  boolean isAlive();
}
