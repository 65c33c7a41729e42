package dev.berth.shim.client;

import static dev.berth.base.BerthException.Kind.DEADLINE_EXCEEDED;
import static dev.berth.base.BerthException.Kind.INTERNAL;
import static dev.berth.base.BerthException.Kind.UNIMPLEMENTED;
import static java.lang.System.Logger.Level.DEBUG;

import com.google.protobuf.Any;
import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import dev.berth.base.BerthException;
import dev.berth.base.Ids;
import dev.berth.proto.shim.bootstrap.v1.BootstrapParams;
import dev.berth.proto.shim.bootstrap.v1.Extension;
import dev.berth.proto.shim.bootstrap.v1.LogLevel;
import dev.berth.proto.shim.task.v3.DeleteResponse;
import dev.berth.shim.ttrpc.Metadata;
import dev.berth.shim.ttrpc.TtrpcClient;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * Starts, adopts and cleans up after shims, and keeps one connection to each address: a shim may
 * serve many containers, Berth's own serves all. Thread-safe.
 */
public final class Shims implements AutoCloseable {
  private static final System.Logger LOG = System.getLogger(Shims.class.getName());

  private final ShimSettings settings;
  private final ShimBinaries binaries;
  private final Metadata metadata;
  private final Map<String, Connection> connections = new ConcurrentHashMap<>();

  /** Which of the two forms of {@code start}'s input a binary takes, once known. */
  private final Map<Path, StartInput> inputs = new ConcurrentHashMap<>();

  private enum StartInput {
    OPTIONS,
    BOOTSTRAP_PARAMS
  }

  /** A cell that holds the connection to one address; the lock is held while connecting. */
  private static final class Connection {
    private final ReentrantLock lock = new ReentrantLock();
    private @Nullable TtrpcClient client;
  }

  public Shims(ShimSettings settings) {
    this.settings = settings;
    this.binaries = new ShimBinaries(settings.binaryDirectories());
    this.metadata = Metadata.NONE.with(Metadata.NAMESPACE, settings.namespace());
  }

  /**
   * Starts the shim of a container or sandbox, or finds the living one of its group, and connects.
   *
   * <p>If this fails after the shim was started, {@link #cleanUp} with a record of the same id and
   * bundle ends it.
   *
   * @param runtime a name such as {@code io.containerd.runc.v2}, or the absolute path of a binary
   * @param id the container or sandbox, one component of a path
   * @param bundle directory with {@code config.json}, which shims read to find their group
   * @param options what the shim's kind of options is; null for none
   * @param timeout for all of it
   */
  public Shim launch(
      String runtime, String id, Path bundle, @Nullable Any options, Duration timeout) {
    Ids.requireName("shim id", id);
    Path binary = binaries.find(runtime);
    long start = System.nanoTime();
    prepareLog(bundle);
    StartOutput started =
        start(new ShimCommand(settings, binary, id, bundle), binary, id, options, timeout);
    var record =
        new ShimRecord(
            id, binary, bundle, started.address(), started.version(), started.adoptsTasks());
    return adopt(record, timeout.minusNanos(System.nanoTime() - start));
  }

  /**
   * Connects to a shim that was started earlier, by this process or one before it.
   *
   * @throws BerthException UNAVAILABLE when it is gone; then {@link #relaunch} or {@link #cleanUp},
   *     as the record says; DEADLINE_EXCEEDED when it does not accept
   */
  public Shim adopt(ShimRecord record, Duration timeout) {
    TtrpcClient client = connect(record.address(), timeout);
    return new Shim(
        record,
        new TaskClient(record.version(), metadata, limit -> connect(record.address(), limit)),
        client.closed());
  }

  /**
   * Starts a shim again whose process is gone but which takes its tasks over.
   *
   * @throws BerthException as {@link #launch} does
   */
  public Shim relaunch(ShimRecord record, Duration timeout) {
    return launch(record.binary().toString(), record.id(), record.bundle(), null, timeout);
  }

  /**
   * Ends the process of a shim whose successor takes its tasks over: it answers the calls in
   * progress first, if they take no longer than {@code patience}. The tasks go on; {@link
   * #relaunch} is next. A shim of the first protocol, which has no call for this, is ended by
   * SIGTERM.
   *
   * @return what it was
   * @throws BerthException DEADLINE_EXCEEDED if it does not end within {@code timeout} more
   */
  public ShimVersion handOver(ShimRecord record, Duration patience, Duration timeout) {
    Shim shim = adopt(record, timeout);
    ShimVersion version = shim.tasks().about(timeout);
    if (version.protocol() >= ShimVersion.HANDS_OVER) {
      shim.tasks().handOver(patience, patience.plus(timeout));
    } else {
      ProcessHandle.of(version.pid()).ifPresent(ProcessHandle::destroy);
    }
    try {
      var _ = shim.lost().get(timeout.toNanos(), TimeUnit.NANOSECONDS);
      return version;
    } catch (TimeoutException | ExecutionException e) {
      throw new BerthException(
          DEADLINE_EXCEEDED,
          "shim " + version.pid() + " at " + record.address() + " did not hand over",
          e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new BerthException(BerthException.Kind.CANCELLED, "hand over: interrupted", e);
    }
  }

  /**
   * Runs the shim's own {@code delete}, which kills and frees whatever a lost shim left: processes,
   * cgroup, mounts in the bundle. Safe to repeat while the bundle is there; its directory must bear
   * the container's id, because some shims look for it beside their working directory.
   *
   * @return how the container ended, as far as the shim knows
   */
  public TaskExit cleanUp(ShimRecord record, Duration timeout) {
    // Written by runc's shim at create and read at delete, which fails without; empty means runc.
    createIfAbsent(record.bundle().resolve("runtime"));
    var command = new ShimCommand(settings, record.binary(), record.id(), record.bundle());
    ByteString output = command.run("delete", ByteString.EMPTY, timeout);
    try {
      return TaskClient.exit(DeleteResponse.parseFrom(output));
    } catch (InvalidProtocolBufferException e) {
      throw new BerthException(
          INTERNAL, "shim " + record.binary() + " delete printed no answer: " + e, e);
    }
  }

  /** Closes all connections. The shims go on. Idempotent. */
  @Override
  public void close() {
    connections.values().forEach(Shims::disconnect);
    connections.clear();
  }

  private static void disconnect(Connection connection) {
    connection.lock.lock();
    try {
      if (connection.client != null) {
        connection.client.close();
      }
    } finally {
      connection.lock.unlock();
    }
  }

  /**
   * Shims open {@code log} in their bundle for writing, as a FIFO that their runtime reads. A plain
   * file serves as well: it needs no reader, and survives ours.
   */
  private static void prepareLog(Path bundle) {
    createIfAbsent(bundle.resolve("log"));
  }

  private static void createIfAbsent(Path file) {
    try {
      Files.createFile(file);
    } catch (FileAlreadyExistsException e) {
      // that is what was asked for
    } catch (IOException e) {
      throw new BerthException(INTERNAL, "shim's bundle file " + file + ": " + e, e);
    }
  }

  private StartOutput start(
      ShimCommand command, Path binary, String id, @Nullable Any options, Duration timeout) {
    long deadline = System.nanoTime() + timeout.toNanos();
    StartInput known = inputs.get(binary);
    StartInput form = known == null ? StartInput.OPTIONS : known;
    try {
      return start(command, binary, form, id, options, timeout);
    } catch (BerthException e) {
      if (known != null || e.kind() != INTERNAL) {
        throw e;
      }
      // A shim built for containerd 2.3 rejects the old form before it does anything.
      LOG.log(DEBUG, () -> "trying bootstrap parameters: " + e.getMessage());
      return retry(command, binary, id, options, e, Duration.ofNanos(deadline - System.nanoTime()));
    }
  }

  private StartOutput retry(
      ShimCommand command,
      Path binary,
      String id,
      @Nullable Any options,
      BerthException first,
      Duration timeout) {
    try {
      return start(command, binary, StartInput.BOOTSTRAP_PARAMS, id, options, timeout);
    } catch (BerthException e) {
      first.addSuppressed(e);
      throw first;
    }
  }

  private StartOutput start(
      ShimCommand command,
      Path binary,
      StartInput form,
      String id,
      @Nullable Any options,
      Duration timeout) {
    ByteString input =
        switch (form) {
          case OPTIONS -> options == null ? ByteString.EMPTY : options.toByteString();
          case BOOTSTRAP_PARAMS -> bootstrapParams(id, options).toByteString();
        };
    ByteString output = command.run("start", input, timeout);
    StartOutput parsed = StartOutput.parse(output);
    // One that fails once and then ignores what it is given has not taken that form.
    if (form == StartInput.OPTIONS || StartOutput.isBinary(output)) {
      inputs.put(binary, form);
    }
    return parsed;
  }

  private BootstrapParams bootstrapParams(String id, @Nullable Any options) {
    var params =
        BootstrapParams.newBuilder()
            .setInstanceId(id)
            .setNamespace(settings.namespace())
            .setLogLevel(settings.debug() ? LogLevel.LOG_LEVEL_DEBUG : LogLevel.LOG_LEVEL_INFO)
            .setContainerdTtrpcAddress(settings.eventsSocket().toString())
            .setContainerdGrpcAddress(settings.address())
            .setContainerdBinary(settings.publishBinary().toString());
    if (options != null) {
      params.addExtensions(Extension.newBuilder().setValue(options));
    }
    return params.build();
  }

  private TtrpcClient connect(String address, Duration timeout) {
    long deadline = System.nanoTime() + timeout.toNanos();
    while (true) {
      Connection connection = connections.computeIfAbsent(address, _ -> new Connection());
      lock(connection, address, timeout, deadline - System.nanoTime());
      try {
        if (!connection.equals(connections.get(address))) {
          continue; // dropped before it was locked
        }
        if (connection.client == null || !connection.client.isOpen()) {
          Duration left = Duration.ofNanos(Math.max(0, deadline - System.nanoTime()));
          connection.client = open(address, connection, left);
        }
        return connection.client;
      } finally {
        connection.lock.unlock();
      }
    }
  }

  private static void lock(
      Connection connection, String address, Duration timeout, long nanosLeft) {
    try {
      if (!connection.lock.tryLock(nanosLeft, TimeUnit.NANOSECONDS)) {
        throw new BerthException(
            DEADLINE_EXCEEDED, "connect to shim at " + address + ": not done within " + timeout);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new BerthException(BerthException.Kind.CANCELLED, "connect to shim: interrupted", e);
    }
  }

  /** Called under the lock. A cell without a connection is dropped: most shims come but once. */
  private TtrpcClient open(String address, Connection connection, Duration timeout) {
    try {
      TtrpcClient client = TtrpcClient.connect(socket(address), timeout);
      var _ = client.closed().thenAccept(_ -> drop(address, connection, client));
      return client;
    } catch (RuntimeException e) {
      connections.remove(address, connection);
      throw e;
    }
  }

  private void drop(String address, Connection connection, TtrpcClient closed) {
    connection.lock.lock();
    try {
      if (closed.equals(connection.client)) {
        connections.remove(address, connection);
      }
    } finally {
      connection.lock.unlock();
    }
  }

  /** Returns how many addresses there is a connection to. */
  int connectionCount() {
    return connections.size();
  }

  private static Path socket(String address) {
    String path = address.startsWith("unix://") ? address.substring("unix://".length()) : address;
    if (!path.startsWith("/")) {
      throw new BerthException(
          UNIMPLEMENTED, "shim address " + Ids.printable(address) + " is not a path of a socket");
    }
    return Path.of(path);
  }
}
