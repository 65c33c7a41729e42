package dev.berth.base;

import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.TRUNCATE_EXISTING;
import static java.nio.file.StandardOpenOption.WRITE;

import java.io.BufferedOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * The files of a {@link MetadataStore}: lock, snapshot, journal, quarantine.
 *
 * <p>Opened by one thread, then used by one other. See {@link MetadataStore} for what the files
 * mean and {@link Frames} for their format.
 */
final class MetadataFiles implements AutoCloseable {
  /** The journal may grow to this, or to twice the live records, before it is compacted. */
  private static final long COMPACT_BYTES = 1024 * 1024;

  private static final System.Logger LOG = System.getLogger(MetadataFiles.class.getName());
  private static final SecureRandom RANDOM = new SecureRandom();
  private static final Set<Path> OPEN = ConcurrentHashMap.newKeySet();

  /** Another opener holds the directory's lock. */
  static final class InUseException extends IOException {
    private static final long serialVersionUID = 1L;

    InUseException(String holder) {
      super("in use by process " + holder);
    }
  }

  private final Path directory;
  private final Path snapshot;
  private final Path journalFile;
  private final FileChannel lock;
  private final MetadataTable table;
  private final List<MetadataStore.Quarantined> quarantined = new ArrayList<>();
  private long generation;
  private long compactAt = COMPACT_BYTES;
  private @Nullable Journal journal; // null after a failed write: the next one compacts first

  private MetadataFiles(Path directory, FileChannel lock, MetadataTable table) {
    this.directory = directory;
    this.snapshot = directory.resolve("snapshot");
    this.journalFile = directory.resolve("journal");
    this.lock = lock;
    this.table = table;
  }

  /** Locks the directory and reads all records into {@code table}. */
  static MetadataFiles open(Path directory, MetadataTable table) throws IOException {
    Path real = AtomicFiles.createPrivateDirectories(directory).toRealPath();
    var files = new MetadataFiles(real, lock(real), table);
    try {
      files.load();
      return files;
    } catch (IOException e) {
      files.close();
      throw e;
    }
  }

  /**
   * Takes the directory's lock.
   *
   * <p>The set comes first: a POSIX lock is lost as soon as this process closes any other
   * descriptor of the file, so a second opener in this process must not even open it.
   */
  private static FileChannel lock(Path directory) throws IOException {
    if (!OPEN.add(directory)) {
      throw new InUseException(ProcessHandle.current().pid() + " (this one)");
    }
    Path file = directory.resolve("lock");
    FileChannel channel = null;
    try {
      channel = FileChannel.open(file, CREATE, WRITE);
      if (channel.tryLock() == null) {
        throw new InUseException(Files.readString(file).strip());
      }
      channel.truncate(0);
      String pid = ProcessHandle.current().pid() + "\n";
      channel.write(ByteBuffer.wrap(pid.getBytes(StandardCharsets.UTF_8)));
      return channel;
    } catch (IOException e) {
      unlock(directory, channel);
      throw e;
    }
  }

  private static void unlock(Path directory, @Nullable FileChannel channel) throws IOException {
    try {
      if (channel != null) {
        channel.close();
      }
    } finally {
      OPEN.remove(directory);
    }
  }

  private void load() throws IOException {
    Files.deleteIfExists(directory.resolve("snapshot.tmp"));
    Files.deleteIfExists(directory.resolve("journal.tmp"));
    boolean sound = loadSnapshot();
    if (!loadJournal() || !sound) {
      compact();
    }
  }

  /** Returns whether the snapshot is complete, as far as there is one. */
  private boolean loadSnapshot() throws IOException {
    if (!Files.exists(snapshot)) {
      return true;
    }
    byte[] file = Files.readAllBytes(snapshot);
    Frames.Header header = Frames.Header.decode(file);
    if (header == null) {
      quarantine(snapshot, file, 0, file.length);
      return false;
    }
    generation = header.generation();
    Frames.Scan scan = replay(snapshot, header, file);
    if (scan.end() < file.length) {
      quarantine(snapshot, file, scan.end(), file.length - scan.end());
    }
    return scan.damaged().isEmpty() && scan.end() == file.length;
  }

  /** Returns whether the journal can be appended to. */
  private boolean loadJournal() throws IOException {
    if (!Files.exists(journalFile)) {
      return false;
    }
    byte[] file = Files.readAllBytes(journalFile);
    Frames.Header header = Frames.Header.decode(file);
    if (header == null) {
      quarantine(journalFile, file, 0, file.length);
      return false;
    }
    if (header.generation() < generation) {
      return false; // the crash came after the snapshot that contains it
    }
    generation = header.generation();
    Frames.Scan scan = replay(journalFile, header, file);
    if (scan.tail() == Frames.Tail.DAMAGED) {
      quarantine(journalFile, file, scan.end(), file.length - scan.end());
    }
    if (!scan.damaged().isEmpty()) {
      return false;
    }
    journal = Journal.reopen(journalFile, header, scan.end(), scan.tail() == Frames.Tail.BLANK);
    return true;
  }

  private Frames.Scan replay(Path path, Frames.Header header, byte[] file) throws IOException {
    List<byte[]> unreadable = new ArrayList<>();
    Frames.Scan scan =
        Frames.scan(
            header,
            file,
            payload -> {
              try {
                Mutation.decode(payload).forEach(table::apply);
              } catch (IOException e) {
                unreadable.add(payload);
              }
            });
    for (Frames.Damage damage : scan.damaged()) {
      quarantine(path, file, damage.offset(), damage.length());
    }
    for (byte[] payload : unreadable) {
      quarantine(path, payload, 0, payload.length);
    }
    return scan;
  }

  private void quarantine(Path path, byte[] file, int offset, int length) throws IOException {
    Path folder = AtomicFiles.createPrivateDirectories(directory.resolve("quarantine"));
    String name = path.getFileName() + "-" + generation + "-" + offset;
    Path copy = folder.resolve(name);
    for (int i = 1; Files.exists(copy); i++) {
      copy = folder.resolve(name + "-" + i);
    }
    AtomicFiles.write(copy, Arrays.copyOfRange(file, offset, offset + length));
    quarantined.add(new MetadataStore.Quarantined(path, offset, copy));
    LOG.log(
        System.Logger.Level.ERROR,
        "{0}: {1} unreadable bytes at offset {2} set aside as {3}",
        path,
        Integer.toString(length),
        Integer.toString(offset),
        copy);
  }

  /** Appends commits, durable on return. */
  void append(List<byte[]> payloads) throws IOException {
    if (journal == null) {
      compact();
    }
    Journal current = Objects.requireNonNull(journal);
    List<ByteBuffer> frames = current.frames(payloads);
    current.makeRoom(frames);
    try {
      current.append(frames);
    } catch (IOException e) {
      abandonJournal();
      throw e;
    }
  }

  /**
   * Starts the next generation if the journal has grown much larger than what lives in it. When
   * that fails before anything was replaced, the present generation goes on.
   */
  void compactIfWorthwhile() throws IOException {
    if (journal == null || journal.sizeBytes() < compactAt) {
      return;
    }
    long worthwhile = 2 * table.sizeBytes();
    if (journal.sizeBytes() < worthwhile) {
      compactAt = worthwhile;
      return;
    }
    compactAt = journal.sizeBytes() + COMPACT_BYTES; // after a failure, do not try at every commit
    compact();
    compactAt = Math.max(COMPACT_BYTES, worthwhile);
  }

  private void compact() throws IOException {
    long next = generation + 1;
    Path temporary = directory.resolve("snapshot.tmp");
    writeSnapshot(temporary, new Frames.Header(next, RANDOM.nextLong()));
    abandonJournal(); // from here on its generation is over
    Files.move(temporary, snapshot, StandardCopyOption.ATOMIC_MOVE);
    AtomicFiles.syncDirectory(directory);
    generation = next;
    journal = Journal.create(journalFile, new Frames.Header(next, RANDOM.nextLong()));
  }

  private void writeSnapshot(Path file, Frames.Header header) throws IOException {
    try (var channel = FileChannel.open(file, CREATE, WRITE, TRUNCATE_EXISTING)) {
      var out = new BufferedOutputStream(Channels.newOutputStream(channel), 64 * 1024);
      out.write(header.encode());
      for (Mutation.Put record : table.records()) {
        out.write(Frames.encode(header, Mutation.encode(List.of(record))));
      }
      out.flush();
      channel.force(true);
    } catch (IOException e) {
      Files.deleteIfExists(file);
      throw e;
    }
  }

  private void abandonJournal() throws IOException {
    Journal old = journal;
    journal = null;
    if (old != null) {
      old.close();
    }
  }

  Path directory() {
    return directory;
  }

  List<MetadataStore.Quarantined> quarantined() {
    return List.copyOf(quarantined);
  }

  /** Closes the journal and gives up the lock. */
  @Override
  public void close() throws IOException {
    try {
      abandonJournal();
    } finally {
      unlock(directory, lock);
    }
  }
}
