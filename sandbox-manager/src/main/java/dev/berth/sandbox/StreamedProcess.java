package dev.berth.sandbox;

import java.io.InputStream;
import java.io.OutputStream;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;

/**
 * A process and those of its standard streams that were asked for.
 *
 * <p>The streams are blocking and wait in the kernel: each wants a platform thread of its own,
 * which {@link #close} wakes. Outputs end when the process has ended and all it wrote was read.
 * Closing stdin is the end of its input. Thread-safe as far as each stream is used by one thread.
 */
public interface StreamedProcess extends AutoCloseable {
  /** What the process reads; empty if not asked for, or if it reads nothing. */
  Optional<OutputStream> stdin();

  /** What the process writes; with a terminal, all of it. Empty if not asked for. */
  Optional<InputStream> stdout();

  /** What the process writes to its standard error; empty if not asked for. */
  Optional<InputStream> stderr();

  /** Sets the size of its terminal, in characters; without effect if it has none. */
  void resize(int rows, int columns);

  /**
   * Returns a future of the exit code: that of an executed command, or 0 when what was attached to
   * has ended. It fails with a {@link dev.berth.base.BerthException} if the end cannot be known, or
   * if this client was cut off.
   */
  CompletableFuture<Integer> exit();

  /**
   * Lets go: kills a command that still runs, detaches from what was attached to, and frees what
   * the streams were made of. Idempotent.
   */
  @Override
  void close();
}
