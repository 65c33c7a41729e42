package dev.berth.runtime.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.base.BerthException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SeqpacketSocketTest {
  private static final Duration LIMIT = Duration.ofSeconds(20);

  @TempDir Path directory;

  @Test
  void messagesKeepTheirBoundaries() {
    try (var pair = SeqpacketSocket.pair()) {
      pair.first().send(bytes("one"), LIMIT);
      pair.first().send(bytes("second"), LIMIT);
      assertThat(receive(pair.second())).isEqualTo("one");
      assertThat(receive(pair.second())).isEqualTo("second");
      assertThat(pair.second().tryReceive(100))
          .isInstanceOf(SeqpacketSocket.Received.Nothing.class);
    }
  }

  @Test
  void closingIsSeenAfterTheLastMessage() {
    try (var pair = SeqpacketSocket.pair()) {
      pair.first().send(bytes("last"), LIMIT);
      pair.first().close();
      assertThat(receive(pair.second())).isEqualTo("last");
      assertThat(pair.second().receive(100, LIMIT))
          .isInstanceOf(SeqpacketSocket.Received.Closed.class);
      assertThatThrownBy(() -> pair.second().send(bytes("x"), LIMIT))
          .satisfies(e -> assertThat(((NativeException) e).is(Errno.EPIPE)).isTrue());
    }
  }

  @Test
  void descriptorsTravelAndCloseOnExec() throws IOException {
    List<String> before = OpenDescriptors.snapshot();
    Path file = Files.writeString(directory.resolve("file"), "content");
    try (var pair = SeqpacketSocket.pair();
        Fd fd = Descriptors.open(file)) {
      pair.first().send(bytes("take"), Collections.nCopies(8, fd), LIMIT);
      var data = (SeqpacketSocket.Received.Data) pair.second().receive(100, LIMIT);
      try (var message = data.message()) {
        assertThat(message.descriptors()).hasSize(8);
        Fd received = message.descriptors().getLast();
        assertThat(FileStatus.of(received).isSameFile(FileStatus.of(fd))).isTrue();
        assertThat(Descriptors.readAt(received, 0, 100)).isEqualTo(bytes("content"));
        assertThat(Files.readString(Path.of("/proc/self/fdinfo/" + received.number())))
            .containsPattern("flags:\\s+0?2[0-9]{6}"); // O_CLOEXEC is 02000000
      }
    }
    assertThat(OpenDescriptors.snapshot()).isEqualTo(before);
  }

  @Test
  void tooLargeAMessageIsRefusedAndItsDescriptorsClosed() {
    try (var pair = SeqpacketSocket.pair()) {
      pair.first().send(bytes("0123456789"), List.of(pair.first().fd()), LIMIT);
      List<String> before = OpenDescriptors.snapshot();
      assertThatThrownBy(() -> pair.second().tryReceive(4))
          .isInstanceOf(BerthException.class)
          .hasMessageContaining("too many bytes");
      assertThat(OpenDescriptors.snapshot()).isEqualTo(before);
    }
  }

  @Test
  void whatCannotBeSentIsRefused() {
    try (var pair = SeqpacketSocket.pair()) {
      int most = SeqpacketSocket.MAX_DESCRIPTORS;
      List<Fd> tooMany = Collections.nCopies(most + 1, pair.first().fd());
      assertThatThrownBy(() -> pair.first().send(bytes("x"), tooMany, LIMIT))
          .hasMessageContaining("more than " + most + " descriptors");
      assertThatThrownBy(() -> pair.first().send(new byte[0], LIMIT))
          .hasMessageContaining("an empty message");
    }
  }

  @Test
  void aPeerThatDoesNotReadIsReported() {
    try (var pair = SeqpacketSocket.pair()) {
      assertThatThrownBy(
              () -> {
                while (true) {
                  pair.first().send(new byte[4096], Duration.ofMillis(20));
                }
              })
          .isInstanceOf(BerthException.class)
          .hasMessageContaining("the peer does not read");
    }
  }

  @Test
  void namedSocketsWorkInDirectoriesOfAnyDepth() throws IOException {
    Path deep = directory;
    for (int i = 0; i < 5; i++) {
      deep = deep.resolve("a".repeat(60));
    }
    Files.createDirectories(deep);
    try (DirFd dir = DirFd.open(deep);
        var listener = SeqpacketSocket.listen(dir, "control", 0600)) {
      assertThat(Files.getPosixFilePermissions(deep.resolve("control")))
          .isEqualTo(PosixFilePermissions.fromString("rw-------"));
      assertThat(listener.tryAccept()).isEmpty();
      try (var client = SeqpacketSocket.connect(dir, "control", LIMIT);
          var server = listener.accept(LIMIT).orElseThrow()) {
        client.send(bytes("hello"), LIMIT);
        assertThat(receive(server)).isEqualTo("hello");
        assertThat(server.peer())
            .isEqualTo(new SeqpacketSocket.Peer((int) ProcessHandle.current().pid(), uid(), uid()));
        try (Fd pidfd = server.peerPidfd().orElseThrow()) {
          assertThat(Processes.signal(pidfd, 0)).isTrue();
        }
      }
    }
  }

  @Test
  void nobodyListeningIsToldFromNoSuchName() {
    try (DirFd dir = DirFd.open(directory)) {
      SeqpacketSocket.listen(dir, "control", 0600).close();
      assertThatThrownBy(() -> SeqpacketSocket.connect(dir, "control", LIMIT))
          .satisfies(e -> assertThat(((NativeException) e).is(Errno.ECONNREFUSED)).isTrue());
      assertThatThrownBy(() -> SeqpacketSocket.connect(dir, "absent", LIMIT))
          .satisfies(e -> assertThat(((NativeException) e).is(Errno.ENOENT)).isTrue());
      assertThatThrownBy(() -> SeqpacketSocket.listen(dir, "control", 0600))
          .satisfies(e -> assertThat(((NativeException) e).is(Errno.EADDRINUSE)).isTrue());
      assertThatThrownBy(() -> SeqpacketSocket.connect(dir, "../x", LIMIT))
          .isInstanceOf(BerthException.class)
          .hasMessageContaining("not the name of a file");
    }
  }

  @Test
  void aFullQueueOfConnectionsEndsTheWait() {
    try (DirFd dir = DirFd.open(directory);
        var listener = SeqpacketSocket.listen(dir, "control", 0600)) {
      assertThat(listener.fd().isOpen()).isTrue();
      List<SeqpacketSocket> clients = new ArrayList<>();
      try {
        assertThatThrownBy(
                () -> {
                  while (true) {
                    clients.add(SeqpacketSocket.connect(dir, "control", Duration.ofMillis(50)));
                  }
                })
            .satisfies(e -> assertThat(((NativeException) e).is(Errno.EAGAIN)).isTrue());
      } finally {
        clients.forEach(SeqpacketSocket::close);
      }
    }
  }

  private int uid() throws IOException {
    return (Integer) Files.getAttribute(directory, "unix:uid");
  }

  private static String receive(SeqpacketSocket socket) {
    var data = (SeqpacketSocket.Received.Data) socket.receive(100, LIMIT);
    try (var message = data.message()) {
      return new String(message.data(), StandardCharsets.UTF_8);
    }
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }
}
