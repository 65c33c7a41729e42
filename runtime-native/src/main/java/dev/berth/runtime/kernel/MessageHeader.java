package dev.berth.runtime.kernel;

import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;

import dev.berth.base.BerthException;
import java.util.ArrayList;
import java.util.List;

/** sendmsg(2) and recvmsg(2) with one buffer and descriptors by SCM_RIGHTS: cmsg(3), unix(7). */
final class MessageHeader {
  // struct msghdr, struct iovec and struct cmsghdr of 64-bit machines
  static final int SIZE_OF_MSGHDR = 56;
  private static final int MSG_IOV = 16;
  private static final int MSG_IOVLEN = 24;
  private static final int MSG_CONTROL = 32;
  private static final int MSG_CONTROLLEN = 40;
  private static final int MSG_FLAGS = 48;
  static final int SIZE_OF_IOVEC = 16;
  static final int SIZE_OF_CMSGHDR = 16;
  private static final int CMSG_LEVEL = 8;
  private static final int CMSG_TYPE = 12;
  // bits/socket.h
  private static final int SOL_SOCKET = 1;
  private static final int SCM_RIGHTS = 1;
  private static final int MSG_CTRUNC = 0x8;
  private static final int MSG_TRUNC = 0x20;
  private static final int MSG_DONTWAIT = 0x40;
  private static final int MSG_NOSIGNAL = 0x4000;
  private static final int MSG_CMSG_CLOEXEC = 0x4000_0000;

  private MessageHeader() {}

  /** Sends; returns false if the peer's queue is full. */
  static boolean send(Fd socket, byte[] data, List<Fd> descriptors) {
    try (var buffer = NativeMemory.bytes(data);
        var control = NativeMemory.allocate(controlSpace(descriptors.size()));
        var iovec = NativeMemory.allocate(SIZE_OF_IOVEC);
        var header = NativeMemory.allocate(SIZE_OF_MSGHDR)) {
      describe(header, iovec, buffer);
      if (!descriptors.isEmpty()) {
        control.putLong(0, SIZE_OF_CMSGHDR + 4L * descriptors.size());
        control.putInt(CMSG_LEVEL, SOL_SOCKET).putInt(CMSG_TYPE, SCM_RIGHTS);
        for (int i = 0; i < descriptors.size(); i++) {
          control.putInt(SIZE_OF_CMSGHDR + 4L * i, descriptors.get(i).number());
        }
        header.putLong(MSG_CONTROL, control.address()).putLong(MSG_CONTROLLEN, control.sizeBytes());
      }
      Syscalls.Result result =
          Syscalls.call(
              Descriptors.number("sendmsg"),
              socket.number(),
              header.address(),
              MSG_NOSIGNAL | MSG_DONTWAIT);
      if (result.failedWith(Errno.EAGAIN)) {
        return false;
      }
      Descriptors.checked("sendmsg", socket, result);
      return true;
    }
  }

  static SeqpacketSocket.Received receive(Fd socket, int maxBytes) {
    try (var buffer = NativeMemory.allocate(maxBytes);
        var control = NativeMemory.allocate(controlSpace(SeqpacketSocket.MAX_DESCRIPTORS));
        var iovec = NativeMemory.allocate(SIZE_OF_IOVEC);
        var header = NativeMemory.allocate(SIZE_OF_MSGHDR)) {
      describe(header, iovec, buffer);
      header.putLong(MSG_CONTROL, control.address()).putLong(MSG_CONTROLLEN, control.sizeBytes());
      Syscalls.Result result =
          Syscalls.call(
              Descriptors.number("recvmsg"),
              socket.number(),
              header.address(),
              MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
      if (result.failedWith(Errno.EAGAIN)) {
        return new SeqpacketSocket.Received.Nothing();
      }
      if (result.failedWith(Errno.ECONNRESET)) { // closed with our last message unread
        return new SeqpacketSocket.Received.Closed();
      }
      int length = (int) Descriptors.checked("recvmsg", socket, result);
      return received(socket, header, buffer.get(0, length), control);
    }
  }

  private static SeqpacketSocket.Received received(
      Fd socket, NativeMemory header, byte[] data, NativeMemory control) {
    List<Fd> descriptors = descriptors(control, header.getLong(MSG_CONTROLLEN));
    int flags = header.getInt(MSG_FLAGS);
    if ((flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
      descriptors.forEach(Fd::close);
      throw new BerthException(
          INVALID_ARGUMENT,
          "recvmsg "
              + socket
              + ": the peer sent too many "
              + ((flags & MSG_TRUNC) != 0 ? "bytes" : "descriptors"));
    }
    if (data.length == 0) { // the end; or an empty message, which our sender never makes
      descriptors.forEach(Fd::close);
      return new SeqpacketSocket.Received.Closed();
    }
    return new SeqpacketSocket.Received.Data(new SeqpacketSocket.Message(data, descriptors));
  }

  /** Linux never splits the descriptors of one message into several control messages. */
  private static List<Fd> descriptors(NativeMemory control, long controlLength) {
    List<Fd> descriptors = new ArrayList<>();
    boolean present =
        controlLength >= SIZE_OF_CMSGHDR
            && control.getInt(CMSG_LEVEL) == SOL_SOCKET
            && control.getInt(CMSG_TYPE) == SCM_RIGHTS;
    if (present) {
      long count = (control.getLong(0) - SIZE_OF_CMSGHDR) / 4;
      for (int i = 0; i < count; i++) {
        descriptors.add(Fd.own(control.getInt(SIZE_OF_CMSGHDR + 4L * i)));
      }
    }
    return descriptors;
  }

  private static void describe(NativeMemory header, NativeMemory iovec, NativeMemory buffer) {
    iovec.putLong(0, buffer.address()).putLong(8, buffer.sizeBytes());
    header.putLong(MSG_IOV, iovec.address()).putLong(MSG_IOVLEN, 1);
  }

  /** CMSG_SPACE: the header and its data, padded to eight bytes. */
  private static int controlSpace(int descriptors) {
    return SIZE_OF_CMSGHDR + (4 * descriptors + 7) / 8 * 8;
  }
}
