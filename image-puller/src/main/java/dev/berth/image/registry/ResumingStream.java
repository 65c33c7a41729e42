package dev.berth.image.registry;

import static dev.berth.base.BerthException.Kind.KUBELET_REASON;

import dev.berth.base.BerthException;
import dev.berth.base.Operation;
import dev.berth.image.oci.Descriptor;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import org.jspecify.annotations.Nullable;

/**
 * Reads a blob and asks again from where it stopped when the connection breaks early or is dropped
 * for being too slow.
 *
 * <p>Gives up after some connections in a row that brought next to nothing. Reads one byte beyond
 * the promised size if there is one, so that the reader sees the lie. Not thread-safe.
 */
final class ResumingStream extends InputStream {
  private final RegistrySession session;
  private final Patience patience;
  private final Descriptor descriptor;
  private final Operation operation;
  private @Nullable BlobBody body;
  private long position;
  private long connectedAt;
  private int fruitless;

  ResumingStream(
      RegistrySession session,
      Patience patience,
      Descriptor descriptor,
      long offset,
      Operation operation) {
    this.session = session;
    this.patience = patience;
    this.descriptor = descriptor;
    this.operation = operation;
    this.position = offset;
    // Now, so that a missing blob fails here and not in the middle of unpacking.
    this.body = position < descriptor.sizeBytes() ? request() : null;
  }

  private BlobBody request() {
    connectedAt = position;
    return session.requestBlob(descriptor, position, operation);
  }

  @Override
  public int read() throws IOException {
    byte[] one = new byte[1];
    return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
  }

  @Override
  public int read(byte[] buffer, int offset, int length) throws IOException {
    if (length == 0) {
      return 0;
    }
    while (body != null) {
      operation.check();
      BlobBody current = body;
      try {
        int count = current.stream().read(buffer, offset, length);
        if (count > 0) {
          position += count;
          return count;
        }
        if (position >= descriptor.sizeBytes()) {
          return -1;
        }
        throw new EOFException("the connection ended early");
      } catch (IOException e) {
        reconnect(current.step(), e);
      }
    }
    return -1;
  }

  /** Leaves no body where all is there: a registry refuses a range of no bytes. */
  private void reconnect(Failures.Step step, IOException cause) {
    close();
    operation.check(); // a cancelled read looks like a broken one
    if (position - connectedAt >= patience.windowBytes()) {
      fruitless = 0;
    }
    BerthException failure = Failures.unreachable(step, cause);
    while (body == null && position < descriptor.sizeBytes()) {
      if (++fruitless >= patience.connections()) {
        throw Failures.noProgress(step, fruitless, position, descriptor.sizeBytes(), failure);
      }
      Backoff.pause(fruitless, operation);
      try {
        body = request();
      } catch (BerthException e) {
        if (e.kind() != KUBELET_REASON) { // it will not be better the next time
          e.addSuppressed(cause);
          throw e;
        }
        failure = e;
      }
    }
  }

  @Override
  public void close() {
    BlobBody current = body;
    body = null;
    if (current != null) {
      current.close();
    }
  }
}
