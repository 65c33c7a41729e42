package dev.berth.runtime.task;

import dev.berth.base.BerthException;
import dev.berth.runtime.kernel.Fd;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Takes the seccomp listener of a process that is about to execute its program. */
@FunctionalInterface
interface ListenerReceiver {
  /**
   * Hands it on; it stays the caller's.
   *
   * @throws BerthException if nobody takes it: the process has been killed then
   */
  void take(Fd listener);

  /** Returns the stub's answer to a start, and hands on the listener that can come before it. */
  static StubMessage answerToStart(Supplier<StubChannel.Reply> next, ListenerReceiver receiver) {
    BerthException untaken = null;
    while (true) {
      StubChannel.Reply reply = next.get();
      if (reply.message().kind() == StubMessage.Kind.LISTENER) {
        untaken = take(reply.descriptors().getFirst(), receiver);
      } else if (untaken != null) {
        throw untaken;
      } else {
        return reply.message();
      }
    }
  }

  private static @Nullable BerthException take(Fd listener, ListenerReceiver receiver) {
    try (listener) {
      receiver.take(listener);
      return null;
    } catch (BerthException e) {
      return e;
    }
  }
}
