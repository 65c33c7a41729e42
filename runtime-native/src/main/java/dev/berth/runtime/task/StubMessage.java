package dev.berth.runtime.task;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Optional;

/**
 * A message between this JVM and a berth-init: four integers and, for some, bytes behind them. The
 * other side is {@code struct message} in control.h.
 */
record StubMessage(Kind kind, int a, int b, int c) {
  static final int HEAD_BYTES = 16;
  static final int MAX_BYTES = 65536 + HEAD_BYTES;

  /** The numbers are those of {@code enum kind} in control.h. */
  enum Kind {
    PLAN(1),
    ANSWER(2),
    START(16),
    REOPEN_LOG(17),
    RESIZE(18),
    CLOSE_STDIN(19),
    STATE(20),
    DESCRIPTORS(21),
    ABORT(22),
    ATTACH(23),
    RELEASE(24),
    ASKED(64),
    CREATED(65),
    FAILED(66),
    STARTED(67),
    EXITED(68),
    OK(69),
    ERROR(70),
    STATE_IS(71),
    DESCRIPTORS_ARE(72),
    STDIN_CLOSED(73),
    DETACHED(74),
    LISTENER(75);

    private final int code;

    Kind(int code) {
      this.code = code;
    }

    int code() {
      return code;
    }

    static Optional<Kind> of(int code) {
      return Arrays.stream(values()).filter(kind -> kind.code == code).findFirst();
    }
  }

  static StubMessage of(Kind kind) {
    return new StubMessage(kind, 0, 0, 0);
  }

  static StubMessage of(Kind kind, int a, int b) {
    return new StubMessage(kind, a, b, 0);
  }

  byte[] encode() {
    return ByteBuffer.allocate(HEAD_BYTES)
        .order(ByteOrder.LITTLE_ENDIAN)
        .putInt(kind.code)
        .putInt(a)
        .putInt(b)
        .putInt(c)
        .array();
  }

  /** Reads the head of a message; empty if it is none that berth-init sends. */
  static Optional<StubMessage> decode(byte[] bytes) {
    if (bytes.length < HEAD_BYTES) {
      return Optional.empty();
    }
    ByteBuffer in = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    return Kind.of(in.getInt())
        .map(kind -> new StubMessage(kind, in.getInt(), in.getInt(), in.getInt()));
  }
}
