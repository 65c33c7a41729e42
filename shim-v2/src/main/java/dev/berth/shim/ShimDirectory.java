package dev.berth.shim;

import static dev.berth.base.BerthException.Kind.INTERNAL;
import static java.nio.charset.StandardCharsets.UTF_8;

import dev.berth.base.AtomicFiles;
import dev.berth.base.BerthException;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.HexFormat;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.stream.Stream;

/**
 * Where the shim of one runtime and namespace keeps its state: {@code RUN/shim/HASH}, mode 0700, on
 * a tmpfs.
 *
 * <pre>
 *   s          its socket
 *   log        what it has to say; log.old, what it had to say before
 *   starting   locked by whoever starts or ends it
 *   serving    locked by the one that serves, for as long as it lives
 *   boot_id    of the boot that the rest belongs to
 *   loggers/ID/  FIFOs to a logger that is a program of its own; ID@EXEC for that of a command
 *   tasks/ID/  one directory for each task, see dev.berth.runtime.task
 * </pre>
 */
record ShimDirectory(Path path) {
  private static final Path BOOT_ID = Path.of("/proc/sys/kernel/random/boot_id");
  private static final Duration POLL = Duration.ofMillis(5);
  private static final int HASH_DIGITS = 16; // the path of a socket is short, and runtimes are few

  /**
   * Names the directory; makes nothing.
   *
   * @param run the runtime's volatile directory
   * @param address of the runtime
   */
  static ShimDirectory of(Path run, String address, String namespace) {
    String hash = sha256(address + "/" + namespace).substring(0, HASH_DIGITS);
    return new ShimDirectory(run.resolve("shim").resolve(hash));
  }

  private static String sha256(String text) {
    try {
      byte[] digest = MessageDigest.getInstance("SHA-256").digest(text.getBytes(UTF_8));
      return HexFormat.of().formatHex(digest);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }

  /**
   * Makes the directory, and empties it of what an earlier boot left. Whoever starts or frees
   * something holds {@link #lockStarting}: many do at once when a shim was killed. The one that
   * serves is started by a holder, and finds everything made.
   */
  ShimDirectory create() {
    try {
      AtomicFiles.createPrivateDirectories(path);
      String boot = Files.readString(BOOT_ID).strip();
      Path recorded = path.resolve("boot_id");
      if (!Files.exists(recorded) || !Files.readString(recorded).strip().equals(boot)) {
        AtomicFiles.deleteTree(tasks()); // of processes and mounts that are gone
        AtomicFiles.writeVolatile(recorded, boot.getBytes(UTF_8));
      }
      AtomicFiles.createPrivateDirectories(tasks());
      return this;
    } catch (IOException e) {
      throw new BerthException(INTERNAL, "shim directory " + path + ": " + e, e);
    }
  }

  Path socket() {
    return path.resolve("s");
  }

  Path log() {
    return path.resolve("log");
  }

  Path tasks() {
    return path.resolve("tasks");
  }

  Path loggers() {
    return path.resolve("loggers");
  }

  /**
   * Returns where the logger of a process reads; neither id can have an '@'.
   *
   * @param execId empty for a container's first process
   */
  Path logger(String containerId, String execId) {
    return loggers().resolve(execId.isEmpty() ? containerId : containerId + "@" + execId);
  }

  /** Removes what the loggers of such containers have left. Idempotent. */
  void deleteLoggers(Predicate<String> ofContainer) throws IOException {
    if (!Files.isDirectory(loggers())) {
      return;
    }
    try (Stream<Path> all = Files.list(loggers())) {
      for (Path path : all.toList()) {
        if (ofContainer.test(path.getFileName().toString().split("@", 2)[0])) {
          AtomicFiles.deleteTree(path);
        }
      }
    }
  }

  /** Waits for the lock under which a shim is started or ends; the caller closes it. */
  Lock lockStarting() throws IOException {
    AtomicFiles.createPrivateDirectories(path);
    FileChannel channel = open("starting");
    try {
      return new Lock(channel, channel.lock());
    } catch (IOException | RuntimeException e) {
      channel.close();
      throw e;
    }
  }

  /** Takes the lock of the one that serves; empty if another process has it. */
  Optional<Lock> tryLockServing() throws IOException {
    FileChannel channel = open("serving");
    FileLock lock = channel.tryLock();
    if (lock == null) {
      channel.close();
      return Optional.empty();
    }
    return Optional.of(new Lock(channel, lock));
  }

  /** Takes that lock as soon as it is free; empty if another process has it until the end. */
  Optional<Lock> lockServing(Duration limit) throws IOException, InterruptedException {
    long deadline = System.nanoTime() + limit.toNanos();
    Optional<Lock> lock = tryLockServing();
    while (lock.isEmpty() && System.nanoTime() < deadline) {
      Thread.sleep(POLL);
      lock = tryLockServing();
    }
    return lock;
  }

  private FileChannel open(String name) throws IOException {
    return FileChannel.open(
        path.resolve(name), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
  }

  /** A lock that ends with its process at the latest. */
  record Lock(FileChannel channel, FileLock lock) implements AutoCloseable {
    @Override
    public void close() throws IOException {
      channel.close(); // releases the lock
    }
  }
}
