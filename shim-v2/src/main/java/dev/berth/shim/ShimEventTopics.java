package dev.berth.shim;

/** The topics under which a shim publishes the life of its tasks. */
final class ShimEventTopics {
  static final String CREATE = "/tasks/create";
  static final String START = "/tasks/start";
  static final String EXIT = "/tasks/exit";
  static final String OOM = "/tasks/oom";
  static final String DELETE = "/tasks/delete";
  static final String EXEC_ADDED = "/tasks/exec-added";
  static final String EXEC_STARTED = "/tasks/exec-started";
  static final String PAUSED = "/tasks/paused";
  static final String RESUMED = "/tasks/resumed";
  static final String CHECKPOINTED = "/tasks/checkpointed";

  private ShimEventTopics() {}
}
