package dev.berth.runtime.seccomp;

import static java.util.Map.entry;

import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;

/**
 * A call of 32-bit x86 through which others can be reached. A rule about {@code socket} has to
 * cover both ways, or programs of either age would escape it or break.
 *
 * @param mask the bits of the first argument that select the call
 * @param calls the selectors by name
 */
record Multiplexer(String syscall, long mask, Map<String, Integer> calls) {
  /** {@code SYS_*} of {@code linux/net.h}. */
  private static final Multiplexer SOCKETCALL =
      new Multiplexer(
          "socketcall",
          0xffffffffL,
          Map.ofEntries(
              entry("socket", 1),
              entry("bind", 2),
              entry("connect", 3),
              entry("listen", 4),
              entry("accept", 5),
              entry("getsockname", 6),
              entry("getpeername", 7),
              entry("socketpair", 8),
              entry("send", 9),
              entry("recv", 10),
              entry("sendto", 11),
              entry("recvfrom", 12),
              entry("shutdown", 13),
              entry("setsockopt", 14),
              entry("getsockopt", 15),
              entry("sendmsg", 16),
              entry("recvmsg", 17),
              entry("accept4", 18),
              entry("recvmmsg", 19),
              entry("sendmmsg", 20)));

  /** {@code linux/ipc.h}. The upper half of the selector is a version, which the kernel strips. */
  private static final Multiplexer IPC =
      new Multiplexer(
          "ipc",
          0xffffL,
          Map.ofEntries(
              entry("semop", 1),
              entry("semget", 2),
              entry("semctl", 3),
              entry("semtimedop", 4),
              entry("msgsnd", 11),
              entry("msgrcv", 12),
              entry("msgget", 13),
              entry("msgctl", 14),
              entry("shmat", 21),
              entry("shmdt", 22),
              entry("shmget", 23),
              entry("shmctl", 24)));

  /** Returns the multiplexer that reaches a call, empty for a call with one way only. */
  static Optional<Multiplexer> reaching(String syscall) {
    return List.of(SOCKETCALL, IPC).stream().filter(m -> m.calls.containsKey(syscall)).findFirst();
  }

  /** Returns the condition under which the multiplexer makes {@code call}. */
  Condition selecting(String call) {
    int selector = Objects.requireNonNull(calls.get(call), call);
    return new Condition(0, Condition.Comparison.EQUAL, mask, selector);
  }
}
