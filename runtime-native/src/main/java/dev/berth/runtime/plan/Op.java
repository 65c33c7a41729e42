package dev.berth.runtime.plan;

/** The operations of berth-init; the numbers are those of {@code enum op} in plan.h. */
enum Op {
  CALL(1),
  STORE(2),
  LOAD(3),
  CHECK(4),
  ASK(5),
  CLONE(6),
  SEND_FD(7),
  EXEC(8),
  SKIP(9),
  FAIL(10),
  WAIT(11),
  SHOW(12);

  private final int code;

  Op(int code) {
    this.code = code;
  }

  int code() {
    return code;
  }
}
