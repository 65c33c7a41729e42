package dev.berth.runtime.plan;

import java.util.Arrays;
import java.util.Optional;

/** What a cloned process asks; the codes are those of ASK_* in plan.h. */
public enum Question {
  /** Everything is prepared: answered by the stub once it is told to start. */
  START(1),
  /** Write the id maps of my new user namespace. */
  ID_MAPS(2),
  /**
   * Run the hooks that belong before mine, in the runtime's namespaces, and write into {@link
   * HookSteps#STATE} what mine are told.
   */
  CREATE_HOOKS(3),
  /** From now on my hooks are told that the container is created. */
  CREATED_STATE(4),
  /** Copy what stands at {@link MountSteps#COPIED_FROM} to {@link MountSteps#COPIED_TO}. */
  COPY_UP(5),
  /** Move the host's network devices that config.json lists into my network namespace. */
  NET_DEVICES(6);

  private final int code;

  Question(int code) {
    this.code = code;
  }

  public int code() {
    return code;
  }

  /** Returns the question with a code; empty if there is none. */
  public static Optional<Question> of(int code) {
    return Arrays.stream(values()).filter(question -> question.code == code).findFirst();
  }
}
