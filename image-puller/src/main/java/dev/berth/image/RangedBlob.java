package dev.berth.image;

import static java.lang.System.Logger.Level.DEBUG;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.berth.base.BerthException;
import dev.berth.base.Operation;
import dev.berth.image.oci.Descriptor;
import dev.berth.image.registry.BlobStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * Reads a large blob in order while several connections fetch it.
 *
 * <p>It begins as one stream. While the network is the brake, {@link RangePacer} asks for more
 * connections as long as more of them bring more. Each fetches pieces, which are handed out in
 * order, into a {@link PieceFile}; the stream ends where the first piece begins:
 *
 * <pre>
 *   read | stream . . . | piece, half there | piece, there | piece, begun |  not handed out yet
 *        ^ position     ^ streamEnd                                       ^ next
 * </pre>
 *
 * <p>When a range cannot be had, for whatever reason, no more are asked for: what is there of the
 * pieces in order is read, and the rest comes as one stream again, whose failure then counts. So
 * ranges never make a pull fail. The content is for the reader to check.
 *
 * <p>Reading and closing are for one thread.
 */
final class RangedBlob extends InputStream {
  private static final System.Logger LOG = System.getLogger(RangedBlob.class.getName());
  private static final long TICK_MILLIS = 50;
  private static final int BUFFER_BYTES = 128 * 1024;
  private static final long MIN_PIECE_BYTES = 1 << 20;

  /** Opens the blob as one stream from an offset on. */
  interface Opener {
    InputStream from(long offset) throws IOException;
  }

  private static final class Piece {
    final long start;
    final long end;
    final int slot;

    /** Guarded by the blob's lock. */
    long writtenTo;

    Piece(long start, long end, int slot) {
      this.start = start;
      this.end = end;
      this.slot = slot;
      this.writtenTo = start;
    }
  }

  private final Descriptor blob;
  private final BlobStream first;
  private final Opener opener;
  private final Path folder;
  private final Semaphore budget;
  private final Operation operation;
  private final Operation helpers;
  private final RangePacer pacer;
  private final AtomicLong received = new AtomicLong();
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private final List<Thread> threads = new ArrayList<>();

  // Touched by the reader.
  private long position;
  private @Nullable InputStream stream;
  private @Nullable PieceFile file;

  @GuardedBy("lock") private long streamEnd;

  @GuardedBy("lock") private long next;

  @GuardedBy("lock") private final Deque<Piece> pieces = new ArrayDeque<>();

  @GuardedBy("lock") private int workers;

  /** How many connections there should be, the stream's included. */
  @GuardedBy("lock") private int wanted = 1;

  /** No more pieces are handed out. */
  @GuardedBy("lock") private boolean stopped;

  /**
   * Begins with a stream that is open already.
   *
   * @param offset where that stream begins
   * @param opener used if ranges turn out not to work
   * @param folder where pieces may be kept, in a file without a name
   * @param budget connections that all blobs together may have besides their first
   */
  RangedBlob(
      Descriptor blob,
      BlobStream first,
      long offset,
      Opener opener,
      Path folder,
      Semaphore budget,
      Operation operation) {
    this.blob = blob;
    this.first = first;
    this.stream = first;
    this.position = offset;
    this.opener = opener;
    this.folder = folder;
    this.budget = budget;
    this.operation = operation;
    this.helpers = Operation.internal(operation.verb());
    this.pacer = new RangePacer(System::nanoTime);
    this.streamEnd = blob.sizeBytes();
    this.next = blob.sizeBytes();
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
    pace();
    while (true) {
      operation.check();
      InputStream current = stream;
      if (current == null) {
        int count = readPiece(buffer, offset, length);
        if (count != 0) {
          return count;
        }
      } else {
        long left = leftOfStream();
        if (left > 0) {
          return readStream(current, buffer, offset, (int) Math.min(left, length));
        }
        stream = null;
        current.close();
        startWorkers(); // its connection is free for a piece
      }
    }
  }

  private int readStream(InputStream from, byte[] buffer, int offset, int length)
      throws IOException {
    pacer.waiting();
    int count = from.read(buffer, offset, length);
    pacer.waited();
    if (count > 0) {
      position += count;
      received.addAndGet(count);
    }
    return count;
  }

  /** The stream goes on beyond its end where nobody else has begun, or has got nothing. */
  private long leftOfStream() {
    lock.lock();
    try {
      Piece head = pieces.peek();
      if (stopped && (head == null || head.writtenTo == head.start)) {
        goOnAsStream();
      }
      if (streamEnd == blob.sizeBytes()) {
        return Long.MAX_VALUE; // also beyond the size: a server that sends more is to be seen
      }
      if (position == streamEnd && next == streamEnd) {
        next = Math.min(blob.sizeBytes(), next + pieceBytes());
        streamEnd = next;
      }
      return streamEnd - position;
    } finally {
      lock.unlock();
    }
  }

  /** Returns 0 if there is a stream to be read instead. */
  private int readPiece(byte[] buffer, int offset, int length) throws IOException {
    if (position == blob.sizeBytes()) {
      return -1;
    }
    Piece piece = await();
    if (piece == null) {
      stream = opener.from(position);
      return 0;
    }
    int count = (int) Math.min(length, writtenTo(piece) - position);
    pieceFile().read(piece.slot, position - piece.start, buffer, offset, count);
    position += count;
    if (position == piece.end) {
      release(piece);
    }
    return count;
  }

  private PieceFile pieceFile() {
    PieceFile present = file;
    if (present == null) {
      throw new IllegalStateException("pieces without a file");
    }
    return present;
  }

  private long writtenTo(Piece piece) {
    lock.lock();
    try {
      return piece.writtenTo;
    } finally {
      lock.unlock();
    }
  }

  /** Waits for the next byte; returns null if none will come as a piece. */
  private @Nullable Piece await() {
    pacer.waiting();
    lock.lock();
    try {
      while (true) {
        Piece piece = pieces.peek();
        if (piece != null && piece.writtenTo > position) {
          return piece;
        }
        boolean moreToCome = piece == null ? workers > 0 && next < blob.sizeBytes() : true;
        if (stopped || !moreToCome) {
          goOnAsStream();
          return null;
        }
        operation.check();
        changed.await(TICK_MILLIS, TimeUnit.MILLISECONDS);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new BerthException(BerthException.Kind.CANCELLED, "interrupted between pieces", e);
    } finally {
      lock.unlock();
      pacer.waited();
    }
  }

  @GuardedBy("lock") private void goOnAsStream() {
    stopped = true;
    pieces.clear();
    next = blob.sizeBytes();
    streamEnd = blob.sizeBytes();
  }

  private void release(Piece piece) {
    lock.lock();
    try {
      pieces.remove(piece);
      pieceFile().release(piece.slot);
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  private void pace() {
    long left = blob.sizeBytes() - position;
    int now = pacer.connections(received.get(), left);
    lock.lock();
    try {
      if (stopped || now == wanted || (wanted == 1 && !first.mayGiveRanges())) {
        pacer.stayAt(wanted);
        return;
      }
      while (wanted < now && budget.tryAcquire()) {
        wanted++;
      }
      if (wanted > now) {
        budget.release(wanted - now);
        wanted = now;
      }
      pacer.stayAt(wanted);
      if (wanted > 1 && file == null) {
        beginPieces();
      }
      changed.signalAll();
    } finally {
      lock.unlock();
    }
    startWorkers();
  }

  /** Without a file to keep them in there are no pieces, and the blob comes as one stream. */
  @GuardedBy("lock") private void beginPieces() {
    try {
      file = PieceFile.create(folder);
      next = Math.min(blob.sizeBytes(), position + PieceFile.SLOT_BYTES);
      streamEnd = next;
    } catch (IOException e) {
      LOG.log(DEBUG, () -> "no ranges of blob " + blob.digest() + ": " + e.getMessage());
      stopped = true;
    }
  }

  /** Small ones towards the end, so that all connections end together. */
  @GuardedBy("lock") private long pieceBytes() {
    long share = (blob.sizeBytes() - next) / (2L * wanted);
    return Math.clamp(share, MIN_PIECE_BYTES, PieceFile.SLOT_BYTES);
  }

  private void startWorkers() {
    lock.lock();
    try {
      int streams = stream == null ? 0 : 1;
      while (file != null && !stopped && workers < wanted - streams && next < blob.sizeBytes()) {
        workers++;
        threads.add(Thread.ofPlatform().daemon().name("layer-range").start(this::work));
      }
    } finally {
      lock.unlock();
    }
  }

  private void work() {
    try {
      for (Piece piece = claim(); piece != null; piece = claim()) {
        fetch(piece);
      }
    } catch (IOException | RuntimeException e) { // outermost of its thread
      LOG.log(DEBUG, () -> "no more ranges of blob " + blob.digest() + ": " + e.getMessage());
      stop();
    } finally {
      ended();
    }
  }

  private void ended() {
    lock.lock();
    try {
      workers--;
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /** Returns the next piece to fetch; null if this worker is not needed any more. */
  private @Nullable Piece claim() {
    lock.lock();
    try {
      while (!stopped && next < blob.sizeBytes() && workers <= wanted) {
        int slot = pieceFile().take();
        if (slot >= 0) {
          var piece = new Piece(next, Math.min(blob.sizeBytes(), next + pieceBytes()), slot);
          next = piece.end;
          pieces.add(piece);
          return piece;
        }
        changed.awaitUninterruptibly(); // the reader is behind; it says when it has read a piece
      }
      return null;
    } finally {
      lock.unlock();
    }
  }

  private void fetch(Piece piece) throws IOException {
    byte[] buffer = new byte[BUFFER_BYTES];
    long at = piece.start;
    try (InputStream in = first.openRange(piece.start, piece.end, helpers)) {
      while (at < piece.end) {
        int count = in.read(buffer, 0, (int) Math.min(buffer.length, piece.end - at));
        if (count < 0) {
          throw new IOException("the range ended early");
        }
        pieceFile().write(piece.slot, at - piece.start, buffer, count);
        at += count;
        received.addAndGet(count);
        if (!arrived(piece, at)) {
          return;
        }
      }
      int _ = in.read(); // its end: the connection can be used again
    }
  }

  /** Returns whether the rest is still wanted. */
  private boolean arrived(Piece piece, long to) {
    lock.lock();
    try {
      piece.writtenTo = to;
      changed.signalAll();
      return !stopped;
    } finally {
      lock.unlock();
    }
  }

  private void stop() {
    lock.lock();
    try {
      stopped = true;
      changed.signalAll();
    } finally {
      lock.unlock();
    }
    helpers.cancel();
  }

  @Override
  public void close() throws IOException {
    stop();
    InputStream current = stream;
    if (current != null) {
      current.close();
    }
    boolean interrupted = false;
    for (Thread thread : threads) {
      while (thread.isAlive()) {
        try {
          thread.join();
        } catch (InterruptedException e) {
          interrupted = true; // they write to a file that is closed next
        }
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
    closeFile();
  }

  private void closeFile() throws IOException {
    lock.lock();
    try {
      budget.release(wanted - 1);
      wanted = 1;
    } finally {
      lock.unlock();
    }
    PieceFile present = file;
    file = null;
    if (present != null) {
      present.close();
    }
  }
}
