package dev.berth.runtime.task;

import dev.berth.base.BerthException;
import dev.berth.runtime.kernel.DirFd;
import dev.berth.runtime.kernel.Errno;
import dev.berth.runtime.kernel.Fd;
import dev.berth.runtime.kernel.NativeException;
import dev.berth.runtime.kernel.SeqpacketSocket;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/**
 * One connection to a berth-init. Not thread-safe: a request and its answer are one thread's.
 *
 * <p>The peer is our own program; what it sends is checked for form and otherwise believed.
 */
final class StubChannel implements AutoCloseable {
  private final SeqpacketSocket socket;

  StubChannel(SeqpacketSocket socket) {
    this.socket = socket;
  }

  /**
   * Connects to a task's control socket.
   *
   * @throws BerthException UNAVAILABLE if no stub listens there any more. Any other failure, such
   *     as a lack of descriptors, says nothing about the stub
   */
  static StubChannel connect(TaskDirectory directory, Duration timeout) {
    try (DirFd folder = DirFd.open(directory.path())) {
      return new StubChannel(SeqpacketSocket.connect(folder, TaskDirectory.CONTROL, timeout));
    } catch (NativeException e) {
      throw isGone(e)
          ? new BerthException(
              BerthException.Kind.UNAVAILABLE, directory.path() + ": no stub answers", e)
          : e;
    }
  }

  private static boolean isGone(NativeException e) {
    return e.is(Errno.ENOENT) || e.is(Errno.ECONNREFUSED) || e.is(Errno.ENOTDIR);
  }

  /** A message and the descriptors that came with it, which the receiver owns. */
  record Reply(StubMessage message, List<Fd> descriptors) {}

  void send(StubMessage message, List<Fd> descriptors, Duration timeout) {
    socket.send(message.encode(), descriptors, timeout);
  }

  /** Receives one message; empty when the stub is gone. */
  Optional<Reply> receive(Duration timeout) {
    return switch (socket.receive(StubMessage.MAX_BYTES, timeout)) {
      case SeqpacketSocket.Received.Data(var message) -> {
        StubMessage head =
            StubMessage.decode(message.data())
                .orElseThrow(() ->
                    new BerthException(
                        BerthException.Kind.INTERNAL, "berth-init sent a malformed message"));
        List<Fd> descriptors =
            message.descriptors().stream().map(fd -> Fd.own(fd.release())).toList();
        yield Optional.of(new Reply(head, descriptors));
      }
      case SeqpacketSocket.Received.Closed() -> Optional.empty();
      case SeqpacketSocket.Received.Nothing() ->
          throw new BerthException(
              BerthException.Kind.DEADLINE_EXCEEDED,
              "berth-init did not answer within " + timeout.toMillis() + " ms");
    };
  }

  /**
   * Sends a request and returns the answer; an ERROR becomes an exception that names what was
   * asked.
   */
  Reply ask(StubMessage request, List<Fd> descriptors, Duration timeout) {
    send(request, descriptors, timeout);
    return answer(request.kind().name(), timeout);
  }

  /**
   * Returns the next answer; an ERROR becomes an exception.
   *
   * @param request what was asked, for errors
   */
  Reply answer(String request, Duration timeout) {
    Reply reply =
        receive(timeout)
            .orElseThrow(() ->
                new BerthException(
                    BerthException.Kind.UNAVAILABLE,
                    "berth-init ended before it answered " + request));
    if (reply.message().kind() == StubMessage.Kind.ERROR) {
      throw new BerthException(
          BerthException.Kind.FAILED_PRECONDITION,
          request + ": " + Errno.describe(reply.message().a()));
    }
    return reply;
  }

  SeqpacketSocket socket() {
    return socket;
  }

  boolean isOpen() {
    return socket.fd().isOpen();
  }

  @Override
  public void close() {
    socket.close();
  }
}
