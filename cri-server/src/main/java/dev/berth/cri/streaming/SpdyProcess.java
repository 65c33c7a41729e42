package dev.berth.cri.streaming;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.Objects.requireNonNull;

import dev.berth.sandbox.StandardStreams;
import dev.berth.sandbox.StreamedProcess;
import java.nio.channels.ClosedChannelException;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A process whose client speaks SPDY: a stream for each of its own, one for errors, and one for the
 * size of a terminal. The process begins when the client has opened them all.
 */
final class SpdyProcess implements SpdyConnection.Application, ProcessClient {
  private static final int OPENING_LIMIT_SECONDS = 30;
  private static final String ERROR = "error";
  private static final String STDIN = "stdin";
  private static final String STDOUT = "stdout";
  private static final String STDERR = "stderr";
  private static final String RESIZE = "resize";

  private final SpdyConnection connection;
  private final StreamVersion version;
  private final Supplier<StreamedProcess> starter;
  private final ProcessSession session;
  private final Map<String, SpdyStream> streams = new ConcurrentHashMap<>();
  private final Set<String> missing; // used by the connection's thread only

  SpdyProcess(
      SpdyConnection connection,
      StreamVersion version,
      StandardStreams wanted,
      boolean terminal,
      Supplier<StreamedProcess> starter) {
    this.connection = connection;
    this.version = version;
    this.starter = starter;
    this.session = new ProcessSession(this, connection.outlet());
    this.missing = expected(version, wanted, terminal);
    connection.outlet().after(OPENING_LIMIT_SECONDS, this::requireAll);
  }

  private static Set<String> expected(
      StreamVersion version, StandardStreams wanted, boolean terminal) {
    Set<String> names = new HashSet<>(Set.of(ERROR));
    addIf(names, STDIN, wanted.stdin());
    addIf(names, STDOUT, wanted.stdout());
    addIf(names, STDERR, wanted.stderr() && !terminal);
    addIf(names, RESIZE, terminal && version.hasResize());
    return names;
  }

  private static void addIf(Set<String> names, String name, boolean wanted) {
    if (wanted) {
      names.add(name);
    }
  }

  private void requireAll() {
    if (!missing.isEmpty()) {
      connection.outlet().cut();
    }
  }

  @Override
  public void opened(SpdyStream stream) {
    String type = stream.header("streamtype");
    if (!missing.remove(type)) {
      connection.reset(stream.id());
      return;
    }
    connection.accept(stream);
    streams.put(type, stream);
    switch (type) {
      case STDIN -> stream.receiver(input());
      case RESIZE -> stream.receiver(sizes());
      default -> {} // nothing comes from the client on the others
    }
    if (missing.isEmpty()) {
      session.start(starter);
    }
  }

  private SpdyStream.Receiver input() {
    return new SpdyStream.Receiver() {
      @Override
      public void data(byte[] bytes) {
        session.stdin().add(bytes);
      }

      @Override
      public void end() {
        session.stdin().end();
      }
    };
  }

  private SpdyStream.Receiver sizes() {
    return new SpdyStream.Receiver() {
      @Override
      public void data(byte[] bytes) {
        session.resize(bytes);
      }
    };
  }

  @Override
  public void output(boolean error, byte[] bytes, int length)
      throws ClosedChannelException, InterruptedException {
    connection.send(requireNonNull(streams.get(error ? STDERR : STDOUT)), bytes, length);
  }

  @Override
  public void finish(Outcome outcome) {
    finish(streams.get(STDOUT), "");
    finish(streams.get(STDERR), "");
    finish(streams.get(ERROR), outcome.told(version));
    connection.outlet().end();
  }

  private void finish(@Nullable SpdyStream stream, String last) {
    if (stream != null) {
      connection.finish(stream, last.getBytes(UTF_8));
    }
  }

  @Override
  public void disconnected() {
    session.clientIsGone();
  }
}
