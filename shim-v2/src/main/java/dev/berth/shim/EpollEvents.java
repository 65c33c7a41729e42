package dev.berth.shim;

import dev.berth.runtime.kernel.NativeMemory;

/**
 * An array of struct epoll_event (linux/eventpoll.h): events as 32 bits, then 64 bits of the
 * user's, packed without a gap on x86-64 and only there.
 */
final class EpollEvents {
  private static final boolean PACKED = System.getProperty("os.arch").equals("amd64");
  private static final int TOKEN = PACKED ? 4 : 8;
  static final int BYTES = TOKEN + 8;

  private EpollEvents() {}

  static void write(NativeMemory event, int events, long token) {
    event.putInt(0, events);
    event.putLong(TOKEN, token);
  }

  static long token(NativeMemory events, int index) {
    return events.getLong((long) index * BYTES + TOKEN);
  }
}
