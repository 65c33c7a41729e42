package dev.berth.runtime.systemd;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.base.BerthException;
import dev.berth.base.BerthException.Kind;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a manager does that the real one never does when it is looked at. */
class SystemdTest {
  private static final Duration LIMIT = Duration.ofSeconds(20);

  @TempDir Path directory;
  private ServerSocketChannel listening;

  /** What is answered to a request once it was read. */
  private interface Answer {
    void to(DbusMessage request, OutputStream out) throws IOException;
  }

  @BeforeEach
  void listen() throws IOException {
    listening = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
    listening.bind(UnixDomainSocketAddress.of(directory.resolve("private")));
  }

  @AfterEach
  void stop() throws IOException {
    listening.close();
  }

  private Systemd systemd(Duration limit) {
    return new Systemd(directory.resolve("private"), limit);
  }

  private void serve(Answer answer) {
    Thread.ofVirtual()
        .name("manager")
        .start(() -> {
          try {
            while (true) {
              try (SocketChannel peer = listening.accept()) {
                serve(peer, answer);
              }
            }
          } catch (IOException e) {
            // the test has ended, or the client has gone
          }
        });
  }

  private static void serve(SocketChannel peer, Answer answer) throws IOException {
    InputStream in = Channels.newInputStream(peer);
    OutputStream out = Channels.newOutputStream(peer);
    StringBuilder auth = new StringBuilder();
    while (!auth.toString().endsWith("BEGIN\r\n")) {
      auth.append((char) in.read());
    }
    assertThat(auth.toString()).startsWith("\0AUTH EXTERNAL 3");
    out.write("OK 0123456789abcdef0123456789abcdef\r\n".getBytes(US_ASCII));
    byte[] header = in.readNBytes(DbusMessage.FIXED_HEADER);
    byte[] rest = in.readNBytes(DbusMessage.length(header) - header.length);
    byte[] whole = ByteBuffer.allocate(header.length + rest.length).put(header).put(rest).array();
    answer.to(DbusMessage.decode(whole), out);
    in.read(); // until the client closes
  }

  private static byte[] message(
      int type, int reply, String member, String error, String signature, DbusWriter body) {
    return new DbusMessage(
            type,
            99,
            reply,
            type == DbusMessage.SIGNAL ? "/org/freedesktop/systemd1" : "",
            type == DbusMessage.SIGNAL ? "org.freedesktop.systemd1.Manager" : "",
            member,
            error,
            signature,
            ByteBuffer.wrap(body.toByteArray()))
        .encode();
  }

  private static byte[] reply(DbusMessage request, String job) {
    return message(DbusMessage.RETURN, request.serial(), "", "", "o", new DbusWriter().text(job));
  }

  private static byte[] removed(String job, String result) {
    return message(
        DbusMessage.SIGNAL,
        0,
        "JobRemoved",
        "",
        "uoss",
        new DbusWriter().number(1).text(job).text("u.scope").text(result));
  }

  @Test
  void jobThatEndsBeforeItsReplyIsNotMissed() {
    serve((request, out) -> {
      assertThat(request.member()).isEqualTo("StartTransientUnit");
      out.write(removed("/job/1", "failed"));
      out.write(removed("/job/2", "done"));
      out.write(reply(request, "/job/2"));
    });
    systemd(LIMIT).start("u.scope", List.of(UnitProperty.of("Slice", "a.slice")));
  }

  @Test
  void jobThatFailsNamesTheUnit() {
    serve((request, out) -> {
      out.write(reply(request, "/job/1"));
      out.write(removed("/job/1", "failed"));
    });
    assertThatThrownBy(() -> systemd(LIMIT).start("u.scope", List.of()))
        .hasMessage("u.scope: start: systemd could not start it: job failed");
  }

  @Test
  void jobThatNeverEndsNamesTheUnit() {
    serve((request, out) -> out.write(reply(request, "/job/1")));
    assertFails(
        Duration.ofMillis(50), Kind.DEADLINE_EXCEEDED, "u.scope: start: systemd did not answer");
  }

  @Test
  void managerThatSaysNothingIsNotWaitedForLonger() {
    assertFails( // it listens, and never accepts
        Duration.ofMillis(50), Kind.DEADLINE_EXCEEDED, "u.scope: start: systemd did not answer");
  }

  @Test
  void refusalIsPassedOn() {
    serve((request, out) ->
        out.write(
            message(
                DbusMessage.ERROR,
                request.serial(),
                "",
                "org.freedesktop.systemd1.UnitExists",
                "s",
                new DbusWriter().text("Unit u.scope exists."))));
    assertFails(LIMIT, Kind.ALREADY_EXISTS, "systemd refuses StartTransientUnit: Unit u.scope");
  }

  @Test
  void unknownUnitIsAStoppedOne() {
    serve((request, out) ->
        out.write(
            message(
                DbusMessage.ERROR,
                request.serial(),
                "",
                "org.freedesktop.systemd1.NoSuchUnit",
                "",
                new DbusWriter())));
    systemd(LIMIT).stop("u.scope");
  }

  @Test
  void managerThatGoesAwayIsUnavailable() {
    serve((request, out) -> {
      out.write(reply(request, "/job/1"), 0, 20); // and no more
      throw new IOException("gone");
    });
    assertFails(LIMIT, Kind.UNAVAILABLE, "it closed the connection");
  }

  @Test
  void messageThatIsTooLongIsRefused() {
    serve((request, out) -> {
      byte[] huge = reply(request, "/job/1");
      huge[7] = 0x40;
      out.write(huge);
    });
    assertFails(LIMIT, Kind.INTERNAL, "malformed D-Bus message");
  }

  @Test
  void hostWithoutSystemdIsNamed() throws IOException {
    listening.close();
    assertFails(LIMIT, Kind.FAILED_PRECONDITION, "cannot connect to systemd at " + directory);
  }

  private void assertFails(Duration limit, Kind kind, String message) {
    assertThatThrownBy(() -> systemd(limit).start("u.scope", List.of()))
        .isInstanceOfSatisfying(BerthException.class, e -> assertThat(e.kind()).isEqualTo(kind))
        .hasMessageContaining(message);
  }
}
