package dev.berth.image.registry;

import dev.berth.base.BerthException;
import dev.berth.base.Operation;
import dev.berth.image.oci.Descriptor;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Reads a blob and asks again from where it stopped when the connection breaks early.
 *
 * <p>Gives up after some attempts in a row without a single byte. Reads one byte beyond the
 * promised size if there is one, so that the reader sees the lie. Not thread-safe.
 */
final class ResumingStream extends InputStream {
  private static final int MAX_IDLE_ATTEMPTS = 4;

  private final RegistrySession session;
  private final Descriptor descriptor;
  private final Operation operation;
  private @Nullable BlobBody body;
  private long position;
  private int idleAttempts;

  ResumingStream(RegistrySession session, Descriptor descriptor, long offset, Operation operation) {
    this.session = session;
    this.descriptor = descriptor;
    this.operation = operation;
    this.position = offset;
    // Now, so that a missing blob fails here and not in the middle of unpacking.
    this.body =
        position < descriptor.sizeBytes()
            ? session.requestBlob(descriptor, position, operation)
            : null;
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
    while (!isComplete()) {
      operation.check();
      try {
        int count = body().stream().read(buffer, offset, length);
        if (count > 0) {
          position += count;
          idleAttempts = 0;
          return count;
        }
        if (position >= descriptor.sizeBytes()) {
          return -1;
        }
        throw new EOFException("the connection ended after " + position + " bytes");
      } catch (IOException e) {
        reconnect(e);
      }
    }
    return -1;
  }

  /** All is there and nobody is left to say more: a registry refuses a range of no bytes. */
  private boolean isComplete() {
    return body == null && position >= descriptor.sizeBytes();
  }

  private BlobBody body() {
    BlobBody current = body;
    if (current == null) {
      current = session.requestBlob(descriptor, position, operation);
      body = current;
    }
    return current;
  }

  private void reconnect(IOException cause) throws IOException {
    close();
    operation.check();
    if (isComplete()) {
      return;
    }
    if (++idleAttempts >= MAX_IDLE_ATTEMPTS) {
      throw cause;
    }
    Backoff.pause(idleAttempts, Optional.empty(), operation);
    try {
      body = session.requestBlob(descriptor, position, operation);
    } catch (BerthException e) {
      e.addSuppressed(cause);
      throw e;
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
