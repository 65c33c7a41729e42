package dev.berth.sandbox;

import static dev.berth.base.BerthException.Kind.FAILED_PRECONDITION;
import static dev.berth.base.BerthException.Kind.UNAVAILABLE;

import dev.berth.base.BerthException;
import dev.berth.runtime.task.Attachment;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * A client of a container's own process. Its end is known from that of an output, which somebody
 * must read therefore: if the client wants none, this does.
 */
final class AttachStream implements StreamedProcess {
  private static final System.Logger LOG = System.getLogger(AttachStream.class.getName());

  /** The reason comes right behind the end of the outputs. */
  private static final Duration REASON_LIMIT = Duration.ofSeconds(5);

  private static final int BUFFER_BYTES = 16 << 10;

  private final Attachment attachment;
  private final Optional<InputStream> stdout;
  private final Optional<InputStream> stderr;
  private final CompletableFuture<Integer> exit = new CompletableFuture<>();
  private final AtomicBoolean closed = new AtomicBoolean();

  AttachStream(Attachment attachment, StandardStreams wanted) {
    this.attachment = attachment;
    Optional<InputStream> first = attachment.stdout().map(Watched::new);
    this.stderr = first.isPresent() ? attachment.stderr() : attachment.stderr().map(Watched::new);
    this.stdout = wanted.stdout() ? first : Optional.empty();
    if (!wanted.stdout()) {
      first.ifPresent(this::discard);
    }
  }

  private void discard(InputStream output) {
    Thread.ofPlatform()
        .name("berth-stream-end")
        .daemon()
        .start(() -> {
          try (output) {
            byte[] buffer = new byte[BUFFER_BYTES];
            while (output.read(buffer) >= 0) {
              // until the end
            }
          } catch (IOException e) {
            LOG.log(System.Logger.Level.DEBUG, "detached", e);
          }
        });
  }

  /** Tells of its end. */
  private final class Watched extends FilterInputStream {
    Watched(InputStream in) {
      super(in);
    }

    @Override
    public int read(byte[] bytes, int offset, int length) throws IOException {
      int count = super.read(bytes, offset, length);
      if (count < 0) {
        ended();
      }
      return count;
    }
  }

  private void ended() {
    if (closed.get()) {
      return;
    }
    try {
      Attachment.End end = attachment.await(REASON_LIMIT).orElseGet(Attachment.End.Lost::new);
      switch (end) {
        case Attachment.End.Exited() -> exit.complete(0);
        case Attachment.End.CutOff(String why) ->
            exit.completeExceptionally(
                new BerthException(FAILED_PRECONDITION, "attach: cut off: " + why));
        case Attachment.End.Lost() ->
            exit.completeExceptionally(
                new BerthException(UNAVAILABLE, "attach: lost the process; attach again"));
      }
    } catch (BerthException e) {
      exit.completeExceptionally(e);
    }
  }

  @Override
  public Optional<OutputStream> stdin() {
    return attachment.stdin();
  }

  @Override
  public Optional<InputStream> stdout() {
    return stdout;
  }

  @Override
  public Optional<InputStream> stderr() {
    return stderr;
  }

  @Override
  public void resize(int rows, int columns) {
    try {
      attachment.resize(rows, columns);
    } catch (BerthException e) { // it has no terminal, or has just ended
      LOG.log(System.Logger.Level.DEBUG, "cannot resize", e);
    }
  }

  @Override
  public CompletableFuture<Integer> exit() {
    return exit.copy();
  }

  @Override
  public void close() {
    if (closed.compareAndSet(false, true)) {
      attachment.close();
      exit.complete(0);
    }
  }
}
