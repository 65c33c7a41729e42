package dev.berth.shim.client;

import java.util.Set;

/** What the runtime's records say of tasks and shims, for auditors; read anew by each call. */
public interface TaskView {
  /** Returns the ids of all that may have a task. */
  Set<String> known();

  /** Returns the ids of those whose task must be there, at a shim that is Berth's own. */
  Set<String> required();

  /** Returns the addresses of all shims. */
  Set<String> addresses();
}
