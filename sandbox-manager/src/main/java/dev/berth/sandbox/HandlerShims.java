package dev.berth.sandbox;

import static dev.berth.base.BerthException.Kind.CANCELLED;
import static dev.berth.base.BerthException.Kind.INTERNAL;
import static dev.berth.base.BerthException.Kind.NOT_FOUND;
import static dev.berth.base.BerthException.Kind.UNAVAILABLE;

import com.google.protobuf.Any;
import dev.berth.base.AtomicFiles;
import dev.berth.base.BerthException;
import dev.berth.base.Ids;
import dev.berth.base.Operation;
import dev.berth.base.SingleFlight;
import dev.berth.proto.shim.runc.v1.Options;
import dev.berth.shim.client.Shim;
import dev.berth.shim.client.ShimRecord;
import dev.berth.shim.client.ShimVersion;
import dev.berth.shim.client.Shims;
import dev.berth.shim.client.TaskExit;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The shims of the runtime handlers: which one has a container's task, how it comes up, and who
 * follows it when it was killed or is replaced.
 *
 * <p>A shim that takes its tasks over when it is started again serves all containers of a handler
 * and is recorded once, by the handler's name; another is recorded with its container. Thread-safe.
 */
final class HandlerShims {
  private static final long RELAUNCH_PAUSE_NANOS = 20_000_000;

  /** How long an ExecSync or another call in progress may hold up an upgrade. */
  private static final Duration HAND_OVER_PATIENCE = Duration.ofSeconds(10);

  private final Shims shims;
  private final RecordStore records;
  private final PodPaths paths;
  private final CgroupDriver cgroupDriver;
  private final SingleFlight<String, Shim> relaunches = new SingleFlight<>();

  /** Held while a shim is replaced. */
  private final ReentrantLock upgrading = new ReentrantLock();

  /** The shims that serve all containers of a handler, by the handler's name. */
  private final Map<String, Shim> common = new ConcurrentHashMap<>();

  HandlerShims(Shims shims, RecordStore records, PodPaths paths, CgroupDriver cgroupDriver) {
    this.shims = shims;
    this.records = records;
    this.paths = paths;
    this.cgroupDriver = cgroupDriver;
  }

  /**
   * Starts the shim for a container, or finds the one that will have it. The caller notes whose it
   * is, and calls {@link #keep} then.
   */
  Shim launch(String containerId, RuntimeHandler handler, Operation operation) {
    awaitUpgrade(operation);
    Shim known = common.get(handler.name());
    if (known == null) {
      return launchNew(containerId, handler, operation);
    }
    return known.isLost() ? successor(known, containerId, handler, operation) : known;
  }

  /** Records the shim of a container, unless it has been. */
  void keep(String containerId, RuntimeHandler handler, Shim shim) {
    if (!shim.record().adoptsTasks()) {
      records.putShim(containerId, shim.record());
    } else if (common.put(handler.name(), shim) != shim) {
      records.putShim(handler.name(), shim.record());
    }
  }

  private Shim successor(
      Shim lost, String containerId, RuntimeHandler handler, Operation operation) {
    Shim successor =
        answering(recordFor(containerId, lost.record()), operation.remaining(Tasks.LIMIT));
    common.put(handler.name(), successor);
    return successor;
  }

  private Shim launchNew(String containerId, RuntimeHandler handler, Operation operation) {
    try {
      return startOrFind(containerId, handler, operation);
    } catch (BerthException failure) {
      endHalfStarted(containerId, handler, failure);
      throw failure;
    }
  }

  private void endHalfStarted(String containerId, RuntimeHandler handler, BerthException failure) {
    try {
      TaskExit _ = shims.cleanUp(unrecorded(containerId, handler), Tasks.LIMIT);
    } catch (BerthException e) {
      failure.addSuppressed(e);
    }
  }

  /** What a record would say of a shim that may have been started but never answered. */
  private ShimRecord unrecorded(String containerId, RuntimeHandler handler) {
    return new ShimRecord(containerId, handler.shim(), paths.bundle(containerId), "", 2, false);
  }

  /**
   * Finds the shim that had a container when its record was written.
   *
   * @throws BerthException UNAVAILABLE if it is gone, NOT_FOUND if none was ever started
   */
  Shim adopt(String containerId, RuntimeHandler handler, Duration timeout) {
    ShimRecord found =
        recordOf(containerId, handler)
            .or(() -> recordAnew(containerId, handler, timeout))
            .orElseThrow(
                () -> new BerthException(NOT_FOUND, "container " + containerId + " had no shim"));
    // The program may have been replaced since; the one of today takes the tasks over.
    ShimRecord record = found.adoptsTasks() ? found.withBinary(handler.shim()) : found;
    if (!record.adoptsTasks()) {
      return shims.adopt(record, timeout);
    }
    Shim shim = answering(record, timeout);
    common.put(handler.name(), shim);
    return shim;
  }

  /**
   * A shim whose record could not be read is asked for by its program, which knows the living one.
   */
  private Optional<ShimRecord> recordAnew(
      String containerId, RuntimeHandler handler, Duration timeout) {
    Optional<String> owner = unreadOwner(containerId, handler);
    owner.ifPresent(unread -> {
      Operation operation = Operation.start("find shim " + unread, timeout, null);
      Shim _ =
          relaunches.join(
              unread,
              operation,
              flight -> {
                Shim shim = again(() -> startOrFind(containerId, handler, flight));
                keep(containerId, handler, shim);
                return shim;
              });
    });
    return owner.flatMap(_ -> recordOf(containerId, handler));
  }

  private Shim startOrFind(String containerId, RuntimeHandler handler, Operation operation) {
    return shims.launch(
        handler.shim().toString(),
        containerId,
        paths.bundle(containerId),
        options(handler),
        operation.remaining(Tasks.LIMIT));
  }

  /**
   * Connects to a shim that takes its tasks over when it is started again, and starts it if need
   * be.
   *
   * <p>A process that was killed closes its connections before its listening socket: for a moment
   * it still takes new ones, which it never answers, and looks alive to its successor's launcher
   * too. So it must answer, and a start that met the dying one is repeated.
   */
  private Shim answering(ShimRecord record, Duration timeout) {
    Operation operation = Operation.start("start shim again", timeout, null);
    while (true) {
      try {
        Shim shim = shims.adopt(record, operation.remaining(Tasks.LIMIT));
        requireAnswer(shim, record.id(), operation.remaining(Tasks.LIMIT));
        return shim;
      } catch (BerthException e) {
        if (e.kind() != UNAVAILABLE || operation.remaining(Tasks.LIMIT).isZero()) {
          throw e;
        }
      }
      relaunches.join(record.address(), operation, _ -> relaunch(record, timeout));
    }
  }

  /** All containers lose their shim at the same moment, and one start is enough for all. */
  private Shim relaunch(ShimRecord record, Duration timeout) {
    Shim shim = again(() -> shims.relaunch(record, timeout));
    if (!answers(shim, record.id(), timeout)) {
      LockSupport.parkNanos(RELAUNCH_PAUSE_NANOS);
    }
    return shim;
  }

  /** NOT_FOUND would say that the task is unknown, and here it is the program that is missing. */
  private static Shim again(Supplier<Shim> start) {
    try {
      return start.get();
    } catch (BerthException e) {
      throw e.kind() == NOT_FOUND
          ? new BerthException(UNAVAILABLE, "cannot start the shim again: " + e.getMessage(), e)
          : e;
    }
  }

  private static boolean answers(Shim shim, String containerId, Duration timeout) {
    try {
      requireAnswer(shim, containerId, timeout);
      return true;
    } catch (BerthException e) {
      return false; // it was about to die: who needs it asks again
    }
  }

  private static void requireAnswer(Shim shim, String containerId, Duration timeout) {
    try {
      shim.tasks().connect(containerId, timeout);
    } catch (BerthException e) {
      if (e.kind() != NOT_FOUND) { // it answers; whether it has the task is asked elsewhere
        throw e;
      }
    }
  }

  /**
   * Replaces the process of a handler's shim by one of the handler's present program. No task ends;
   * calls in progress are answered before, those that come meanwhile wait.
   *
   * @throws BerthException NOT_FOUND if no shim was started for it that takes tasks over
   */
  ShimUpgrade upgrade(RuntimeHandler handler, Operation operation) {
    ShimRecord record =
        records
            .shim(handler.name())
            .orElseThrow(() ->
                new BerthException(
                    NOT_FOUND, "handler " + handler.name() + ": no shim runs that serves all"))
            .withBinary(handler.shim());
    upgrading.lock();
    try {
      records.putShim(handler.name(), record); // whoever misses the old one starts the new one
      ShimVersion before =
          shims.handOver(record, HAND_OVER_PATIENCE, operation.remaining(Tasks.LIMIT));
      Shim shim = startSuccessor(record);
      common.put(handler.name(), shim);
      return new ShimUpgrade(handler.name(), before, shim.tasks().about(Tasks.LIMIT));
    } finally {
      upgrading.unlock();
    }
  }

  /** A shim is started in a bundle, even for all; that of the first container may be gone. */
  private Shim startSuccessor(ShimRecord record) {
    String id = Ids.generate();
    Path bundle = paths.bundle(id);
    try {
      AtomicFiles.createPrivateDirectories(bundle);
      try {
        return answering(recordFor(id, record), Tasks.LIMIT);
      } finally {
        AtomicFiles.deleteTree(bundle);
      }
    } catch (IOException e) {
      throw new BerthException(INTERNAL, "bundle " + bundle + ": " + e, e);
    }
  }

  /** Waits while a shim is replaced: it answers nothing new. */
  void awaitUpgrade(Operation operation) {
    if (!upgrading.isLocked()) {
      return;
    }
    try {
      if (!upgrading.tryLock(operation.remaining(Tasks.LIMIT).toNanos(), TimeUnit.NANOSECONDS)) {
        throw new BerthException(UNAVAILABLE, "the shim is being replaced");
      }
      upgrading.unlock();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new BerthException(CANCELLED, "interrupted while the shim is being replaced", e);
    }
  }

  /** A shim that serves all was recorded once; for its containers only id and bundle differ. */
  private Optional<ShimRecord> recordOf(String containerId, RuntimeHandler handler) {
    Optional<ShimRecord> own = records.shim(containerId);
    return own.isPresent()
        ? own
        : records.shim(handler.name()).map(shared -> recordFor(containerId, shared));
  }

  private ShimRecord recordFor(String containerId, ShimRecord shim) {
    return new ShimRecord(
        containerId,
        shim.binary(),
        paths.bundle(containerId),
        shim.address(),
        shim.version(),
        shim.adoptsTasks());
  }

  /**
   * Tells whether the shim of a container takes its tasks over when it is started again. One whose
   * record cannot be read may: it counts as gone only when it has been asked.
   */
  boolean isTakenOver(String containerId, RuntimeHandler handler) {
    return recordOf(containerId, handler)
        .map(ShimRecord::adoptsTasks)
        .orElseGet(() -> unreadOwner(containerId, handler).isPresent());
  }

  /** Returns for whom the shim was recorded, if that record could not be read. */
  private Optional<String> unreadOwner(String containerId, RuntimeHandler handler) {
    return Stream.of(containerId, handler.name()).filter(records::isShimSetAside).findFirst();
  }

  /**
   * Has the binary of a shim that does not answer kill and free what there is of a task.
   *
   * @return how it ended
   */
  TaskExit cleanUp(String containerId, Shim lost, Duration timeout) {
    return shims.cleanUp(recordFor(containerId, lost.record()), timeout);
  }

  /**
   * The same for a container of which only the name is known. Idempotent.
   *
   * @return how it ended; empty if there is no bundle, and so never was a task
   */
  Optional<TaskExit> cleanUp(String containerId, RuntimeHandler handler, Duration timeout) {
    if (!Files.isDirectory(paths.bundle(containerId))) {
      return Optional.empty();
    }
    ShimRecord record =
        recordOf(containerId, handler).orElseGet(() -> unrecorded(containerId, handler));
    return Optional.of(shims.cleanUp(record, timeout));
  }

  /**
   * Shims that call another program want to be told which, where it keeps its state, and whom to
   * ask for cgroups.
   */
  @Nullable Any options(RuntimeHandler handler) {
    return handler
        .ociRuntime()
        .map(program ->
            Any.newBuilder()
                .setTypeUrl("containerd.runc.v1.Options")
                .setValue(
                    Options.newBuilder()
                        .setBinaryName(program.toString())
                        .setRoot(paths.ociRuntimeRoot().toString())
                        .setSystemdCgroup(cgroupDriver == CgroupDriver.SYSTEMD)
                        .build()
                        .toByteString())
                .build())
        .orElse(null);
  }
}
