package dev.berth.runtime.plan;

/** What a cloned process asks; the codes are those of ASK_* in plan.h. */
public enum Question {
  /** Everything is prepared: answered by the stub once it is told to start. */
  START(1),
  /** Write the id maps of my new user namespace. */
  ID_MAPS(2);

  private final int code;

  Question(int code) {
    this.code = code;
  }

  public int code() {
    return code;
  }
}
