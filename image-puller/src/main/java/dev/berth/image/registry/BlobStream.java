package dev.berth.image.registry;

import dev.berth.base.Operation;
import java.io.InputStream;

/**
 * A blob that is read in order, and of which further ranges can be asked for on connections of
 * their own meanwhile.
 *
 * <p>Reading is for one thread; {@link #openRange} may be called by any, also once the stream is
 * closed.
 */
public abstract class BlobStream extends InputStream {
  /** Whether nothing speaks against asking the server that this stream comes from for ranges. */
  public abstract boolean mayGiveRanges();

  /**
   * Opens a range, from the server that this stream comes from. It resumes by itself as the stream
   * does.
   *
   * @param from offset of the first byte
   * @param to offset behind the last one
   * @throws dev.berth.base.BerthException FAILED_PRECONDITION if the server ignores ranges, gives
   *     another one, or has another ETag for the blob by now; it then counts as one that gives none
   */
  public abstract InputStream openRange(long from, long to, Operation operation);
}
