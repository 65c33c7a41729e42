package dev.berth.runtime.kernel;

import dev.berth.base.BerthException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;

/**
 * A seccomp agent: waits for listeners on a socket, lets some calls fail with ENOSPC and all others
 * happen, as long as it is open.
 */
public final class DecidingAgent implements AutoCloseable {
  private static final int SOCK_STREAM = 1; // bits/socket.h
  private static final int SOCK_CLOEXEC = 0x80000;
  private static final Duration LOOK_AGAIN = Duration.ofMillis(20);
  // linux/seccomp.h: ioctls of '!' over struct seccomp_notif and struct seccomp_notif_resp
  private static final long NOTIF_RECV = 0xc0502100L;
  private static final long NOTIF_SEND = 0xc0182101L;
  private static final int SIZE_OF_NOTIF = 80;
  private static final int NOTIF_NR = 16;
  private static final int SIZE_OF_RESPONSE = 24;
  private static final int CONTINUE = 1;
  private static final int ENOSPC = 28;

  private final Fd socket;
  private final Set<Integer> failing;
  private final Thread thread;
  private final List<String> messages = new CopyOnWriteArrayList<>();
  private final List<String> decided = new CopyOnWriteArrayList<>();
  private volatile boolean open = true;

  /**
   * Listens at a path.
   *
   * @param failing names of the calls that are to fail
   */
  public DecidingAgent(Path path, List<String> failing) {
    this.failing =
        failing.stream()
            .map(name -> SyscallTable.host().number(name))
            .collect(java.util.stream.Collectors.toSet());
    this.socket =
        Fd.own(Syscalls.check("socket", path, UnixAddress.AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    try (DirFd directory = DirFd.open(path.getParent());
        var address = UnixAddress.of(directory, path.getFileName().toString())) {
      Syscalls.check("bind", path, socket.number(), address.pointer(), address.sizeBytes());
      Syscalls.check("listen", path, socket.number(), 8);
    }
    this.thread = Thread.ofPlatform().name("deciding-agent").start(this::serve);
  }

  /** What it was told, one JSON a process. */
  public List<String> messages() {
    return List.copyOf(messages);
  }

  /** The numbers of the calls that it decided on. */
  public List<String> decided() {
    return List.copyOf(decided);
  }

  private void serve() {
    while (open) {
      if (Poll.await(socket, Poll.POLLIN, LOOK_AGAIN)) {
        try (Fd connection =
            Fd.own(Syscalls.check("accept4", socket, socket.number(), 0, 0, SOCK_CLOEXEC))) {
          Poll.await(connection, Poll.POLLIN, Duration.ofSeconds(10));
          if (MessageHeader.receive(connection, 65536)
              instanceof SeqpacketSocket.Received.Data(var message)) {
            messages.add(new String(message.data(), StandardCharsets.UTF_8));
            Fd listener = Fd.own(message.descriptors().getFirst().release());
            Thread.ofPlatform().name("deciding-on-calls").start(() -> decide(listener));
          }
        }
      }
    }
  }

  private void decide(Fd listener) {
    try (listener;
        var notice = NativeMemory.allocate(SIZE_OF_NOTIF);
        var response = NativeMemory.allocate(SIZE_OF_RESPONSE)) {
      while (open) {
        if (Poll.await(listener, Poll.POLLIN, LOOK_AGAIN)) {
          notice.put(0, new byte[SIZE_OF_NOTIF]);
          Syscalls.check("ioctl", listener, listener.number(), NOTIF_RECV, notice.address());
          int call = notice.getInt(NOTIF_NR);
          boolean fails = failing.contains(call);
          decided.add(Integer.toString(call));
          response.putLong(0, notice.getLong(0)).putLong(8, 0);
          response.putInt(16, fails ? -ENOSPC : 0).putInt(20, fails ? 0 : CONTINUE);
          Syscalls.check("ioctl", listener, listener.number(), NOTIF_SEND, response.address());
        }
      }
    } catch (BerthException e) {
      // the processes with the filter have ended
    }
  }

  @Override
  public void close() {
    open = false;
    try {
      thread.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    socket.close();
  }
}
