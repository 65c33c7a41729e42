package dev.berth.base;

import static dev.berth.base.BerthException.Kind.FAILED_PRECONDITION;
import static dev.berth.base.BerthException.Kind.INTERNAL;
import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;
import static dev.berth.base.BerthException.Kind.RESOURCE_EXHAUSTED;
import static dev.berth.base.BerthException.Kind.UNAVAILABLE;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * Keeps small records through crashes and power loss: buckets of keys and values in memory, a
 * journal and a snapshot on disk.
 *
 * <p><b>Promises.</b> A change is on disk when its call returns, and becomes visible to readers
 * only then. The changes of one {@link Batch} happen together or not at all. Changes become visible
 * in the order in which they are durable. Commits that come while another one waits for the disk
 * share the next fdatasync (group commit). A crash at any moment leaves every change that returned
 * and perhaps some that had not.
 *
 * <p><b>Files.</b> {@code snapshot} holds the state at the start of a generation, {@code journal}
 * the commits since. Compaction writes the next generation's snapshot beside the old one, renames
 * it over, and only then replaces the journal: a journal older than its snapshot is left over from
 * a crash in between and is ignored. {@code lock} keeps a second process out. What cannot be read
 * goes to {@code quarantine/}, is logged and listed by {@link #quarantined}; the rest is used.
 *
 * <p><b>Failures.</b> When the disk fails a write, its callers get an error, nothing of it becomes
 * visible, and the next commit starts a new generation from memory before it writes: after a failed
 * fsync the old file can no longer be trusted.
 *
 * <p>Thread-safe. Values are copied in and out. One thread of the store's own does all writing, so
 * an interrupted caller never closes the file under the others.
 */
public final class MetadataStore implements AutoCloseable {
  /** Largest value, in bytes. */
  public static final int MAX_VALUE_BYTES = 16 * 1024 * 1024;

  private static final System.Logger LOG = System.getLogger(MetadataStore.class.getName());
  private static final int MAX_NAME_BYTES = 4096;

  private final MetadataFiles files;
  private final MetadataTable table;
  private final Thread writer;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition work = lock.newCondition();

  @GuardedBy("lock") private List<Commit> pending = new ArrayList<>();

  @GuardedBy("lock") private boolean closing;

  /** One caller's batch on its way to the disk. */
  private static final class Commit {
    final List<Mutation> mutations;
    final byte[] payload;
    final Condition settled;
    boolean done;
    @Nullable Exception failure;

    Commit(List<Mutation> mutations, Condition settled) {
      this.mutations = mutations;
      this.payload = Mutation.encode(mutations);
      this.settled = settled;
    }
  }

  private MetadataStore(MetadataFiles files, MetadataTable table) {
    this.files = files;
    this.table = table;
    this.writer =
        Thread.ofPlatform().daemon().name("metadata-store-writer").unstarted(this::writeLoop);
  }

  /**
   * Opens the store of a directory, creating it (mode 0700) if need be.
   *
   * @throws BerthException FAILED_PRECONDITION if the store is open elsewhere, INTERNAL if the
   *     directory cannot be read or written; damaged records are no error, see {@link #quarantined}
   */
  public static MetadataStore open(Path directory) {
    try {
      var table = new MetadataTable();
      var store = new MetadataStore(MetadataFiles.open(directory, table), table);
      store.writer.start();
      return store;
    } catch (IOException e) {
      throw failure("open metadata store " + directory, e);
    }
  }

  /** Returns the value of a key. */
  public Optional<byte[]> get(String bucket, String key) {
    return table.get(bucket, key).map(byte[]::clone);
  }

  /** Returns a copy of all records of a bucket, ordered by key; empty if there is no such one. */
  public Map<String, byte[]> all(String bucket) {
    return table.all(bucket);
  }

  /** Stores a value; durable on return. */
  public void put(String bucket, String key, byte[] value) {
    commit(new Batch().put(bucket, key, value));
  }

  /** Removes a key; durable on return. Removing what is not there is no error. */
  public void remove(String bucket, String key) {
    commit(new Batch().remove(bucket, key));
  }

  /**
   * Makes all changes of a batch, or none; durable on return.
   *
   * @throws BerthException RESOURCE_EXHAUSTED if the disk is full, INTERNAL if it fails otherwise,
   *     UNAVAILABLE if the store was closed. Nothing has become visible then
   */
  public void commit(Batch batch) {
    if (batch.mutations.isEmpty()) {
      return;
    }
    lock.lock();
    try {
      if (closing) {
        throw new BerthException(UNAVAILABLE, "metadata store " + files.directory() + " is closed");
      }
      var commit = new Commit(List.copyOf(batch.mutations), lock.newCondition());
      pending.add(commit);
      work.signal();
      while (!commit.done) {
        commit.settled.awaitUninterruptibly();
      }
      if (commit.failure != null) {
        throw failure("write metadata store " + files.directory(), commit.failure);
      }
    } finally {
      lock.unlock();
    }
  }

  /** Returns what was set aside as unreadable when the store was opened; empty in good health. */
  public List<Quarantined> quarantined() {
    return files.quarantined();
  }

  /** Ends all commits under way and closes the files. Idempotent. */
  @Override
  public void close() {
    lock.lock();
    try {
      closing = true;
      work.signal();
    } finally {
      lock.unlock();
    }
    boolean interrupted = false;
    while (writer.isAlive()) {
      try {
        writer.join();
      } catch (InterruptedException e) {
        interrupted = true; // the files must be closed before the lock is given up
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  private void writeLoop() {
    try (files) {
      for (List<Commit> group = nextGroup(); !group.isEmpty(); group = nextGroup()) {
        write(group);
        compact();
      }
    } catch (IOException e) {
      LOG.log(System.Logger.Level.WARNING, "cannot close metadata store " + files.directory(), e);
    } finally {
      refuseLateCommits();
    }
  }

  private void compact() {
    try {
      files.compactIfWorthwhile();
    } catch (IOException e) {
      LOG.log(System.Logger.Level.WARNING, "cannot compact " + files.directory(), e);
    }
  }

  private void refuseLateCommits() {
    lock.lock();
    try {
      closing = true;
      settle(pending, new IOException("the store is closed"));
    } finally {
      lock.unlock();
    }
  }

  /** Waits for commits; empty only when the store closes and none is left. */
  private List<Commit> nextGroup() {
    lock.lock();
    try {
      while (pending.isEmpty() && !closing) {
        work.awaitUninterruptibly();
      }
      List<Commit> group = pending;
      pending = new ArrayList<>();
      return group;
    } finally {
      lock.unlock();
    }
  }

  private void write(List<Commit> group) {
    Exception failure = new IOException("the writer of the store died");
    try {
      failure = append(group);
    } finally {
      settle(group, failure); // whatever happens: callers wait for it
    }
  }

  private @Nullable Exception append(List<Commit> group) {
    try {
      files.append(group.stream().map(c -> c.payload).toList());
      group.forEach(c -> c.mutations.forEach(table::apply));
      return null;
    } catch (IOException e) {
      return e;
    }
  }

  private void settle(List<Commit> group, @Nullable Exception failure) {
    lock.lock();
    try {
      for (Commit commit : group) {
        commit.done = true;
        commit.failure = failure;
        commit.settled.signal();
      }
    } finally {
      lock.unlock();
    }
  }

  private static BerthException failure(String what, Exception e) {
    if (e instanceof MetadataFiles.InUseException) {
      return new BerthException(FAILED_PRECONDITION, what + ": " + e.getMessage(), e);
    }
    String reason = String.valueOf(e.getMessage()).toLowerCase(Locale.ROOT);
    boolean full = reason.contains("no space left") || reason.contains("quota exceeded");
    return new BerthException(full ? RESOURCE_EXHAUSTED : INTERNAL, what + ": " + reason, e);
  }

  /**
   * Bytes that could not be read as a record.
   *
   * @param file the file they were found in
   * @param offset where, in bytes
   * @param savedAs the file they were copied to
   */
  public record Quarantined(Path file, long offset, Path savedAs) {}

  /** Several changes that happen together. Not thread-safe. */
  public static final class Batch {
    private final List<Mutation> mutations = new ArrayList<>();

    /**
     * Adds a put.
     *
     * @throws BerthException INVALID_ARGUMENT if bucket, key or value is too long
     */
    public Batch put(String bucket, String key, byte[] value) {
      if (value.length > MAX_VALUE_BYTES) {
        throw new BerthException(
            INVALID_ARGUMENT,
            "metadata value of "
                + value.length
                + " bytes for "
                + Ids.printable(bucket + "/" + key)
                + " is over the bound of "
                + MAX_VALUE_BYTES);
      }
      mutations.add(new Mutation.Put(name(bucket), name(key), value.clone()));
      return this;
    }

    /** Adds a removal. */
    public Batch remove(String bucket, String key) {
      mutations.add(new Mutation.Remove(name(bucket), name(key)));
      return this;
    }

    private static String name(String name) {
      int length = name.getBytes(StandardCharsets.UTF_8).length;
      if (length == 0 || length > MAX_NAME_BYTES) {
        throw new BerthException(
            INVALID_ARGUMENT,
            "metadata bucket or key \"" + Ids.printable(name) + "\" has " + length + " bytes");
      }
      return name;
    }
  }
}
