package dev.berth.sandbox;

import static dev.berth.base.BerthException.Kind.FAILED_PRECONDITION;
import static dev.berth.base.BerthException.Kind.INTERNAL;
import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;

import dev.berth.base.BerthException;
import dev.berth.base.Ids;
import dev.berth.base.Operation;
import dev.berth.base.Rollback;
import dev.berth.sandbox.checkpoint.CheckpointFiles;
import dev.berth.sandbox.checkpoint.ContainerDump;
import dev.berth.shim.client.TaskState;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.stream.Stream;

/**
 * Writes the state of a running container into an archive, and lets it go on.
 *
 * <p>The container is stopped while it is dumped and while its files are copied, so that memory and
 * files agree. Whatever happens, it goes on afterwards: a berthd that is killed in between finds it
 * stopped when it recovers, and a container is never stopped for any other reason.
 */
final class CheckpointContainer {
  private static final System.Logger LOG = System.getLogger(CheckpointContainer.class.getName());

  /** Where the caller sets no limit. A dump takes about a second for each gigabyte of memory. */
  private static final Duration LIMIT = Duration.ofMinutes(10);

  private final Tasks tasks;
  private final ContainerImages images;
  private final Handlers handlers;
  private final PodPaths paths;
  private final Path directory;
  private final Clock clock;

  /**
   * @param directory where checkpoints are put together, each in a directory of its own; durable,
   *     since they can be as large as a container's memory
   */
  CheckpointContainer(
      Tasks tasks,
      ContainerImages images,
      Handlers handlers,
      PodPaths paths,
      Path directory,
      Clock clock) {
    this.tasks = tasks;
    this.images = images;
    this.handlers = handlers;
    this.paths = paths;
    this.directory = directory;
    this.clock = clock;
  }

  /** Returns where checkpoints are put together. */
  static Path directory(Path root) {
    return root.resolve("checkpoints");
  }

  void checkpoint(Container container, String location, Duration timeout, Operation operation) {
    Path archive = archive(location);
    container.concerns(operation);
    try (var _ = Lifecycle.hold(container, operation)) {
      requireRunning(container);
      CheckpointFiles files = CheckpointFiles.create(directory.resolve(container.id()));
      try {
        capture(container, files, timeout.isZero() ? LIMIT : timeout, operation);
        operation.enter(CheckpointContainerStage.ARCHIVE);
        files.archive(archive, operation);
      } finally {
        delete(files);
      }
    } catch (IOException e) {
      throw new BerthException(INTERNAL, "checkpoint " + archive + ": " + e, e);
    }
  }

  /** An image reference is no path: checkpoints are written as archives only. */
  private static Path archive(String location) {
    boolean isPath = location.startsWith("/") && location.indexOf('\0') < 0;
    Path path = isPath ? Path.of(location).normalize() : Path.of("/");
    Path parent = path.getParent();
    if (parent == null || !Files.isDirectory(parent) || Files.isDirectory(path)) {
      throw new BerthException(
          INVALID_ARGUMENT,
          "location: \""
              + Ids.printable(location)
              + "\" is not the absolute path of a file in an existing directory");
    }
    return path;
  }

  private void requireRunning(Container container) {
    if (!(container.currentState() instanceof ContainerState.Running)) {
      throw notRunning(container, container.describe());
    }
    if (tasks.state(container.id(), Tasks.LIMIT).status() == TaskState.Status.PAUSED) {
      throw notRunning(container, "paused");
    }
  }

  private static BerthException notRunning(Container container, String state) {
    return new BerthException(
        FAILED_PRECONDITION,
        "container " + container.id() + " cannot be checkpointed: it is " + state);
  }

  private void capture(
      Container container, CheckpointFiles files, Duration limit, Operation operation)
      throws IOException {
    try (var rollback = new Rollback()) {
      operation.enter(CheckpointContainerStage.PAUSE);
      rollback.onFailure(
          "let container " + container.id() + " go on", () -> tasks.resumeSurely(container.id()));
      tasks.pause(container.id(), operation);
      operation.enter(CheckpointContainerStage.DUMP);
      tasks.checkpoint(container.id(), files.images(), files.path(), limit, operation);
      operation.enter(CheckpointContainerStage.FILES);
      files.describe(dump(container), Files.readAllBytes(runtimeSpec(container)));
      files.copyChanges(images.writableLayer(container.record().snapshotKey()), operation);
      operation.enter(CheckpointContainerStage.RESUME);
      tasks.resume(container.id(), operation);
      rollback.commit();
    }
  }

  private Path runtimeSpec(Container container) {
    return paths.bundle(container.id()).resolve("config.json");
  }

  private ContainerDump dump(Container container) {
    ContainerRecord record = container.record();
    if (!(record.state()
        instanceof ContainerState.Running(Instant createdAt, Instant startedAt, int pid))) {
      throw notRunning(container, container.describe());
    }
    return new ContainerDump(
        new ContainerDump.Config(
            record.id(),
            record.config().getMetadata().getName(),
            record.config().getImage().getImage(),
            record.image().reference(),
            record.image().name(),
            handlers.of(container).name(),
            createdAt.toString(),
            clock.instant().toString()),
        new ContainerDump.Status(nanos(createdAt), nanos(startedAt), pid));
  }

  private static long nanos(Instant instant) {
    return instant.getEpochSecond() * 1_000_000_000L + instant.getNano();
  }

  private static void delete(CheckpointFiles files) {
    try {
      files.delete();
    } catch (IOException e) {
      LOG.log(System.Logger.Level.WARNING, "cannot remove " + files.path(), e);
    }
  }

  /** Removes what a killed process left of checkpoints that it was writing. */
  void deleteLeftovers() {
    if (!Files.isDirectory(directory)) {
      return;
    }
    try (Stream<Path> left = Files.list(directory)) {
      left.map(CheckpointFiles::new).forEach(CheckpointContainer::delete);
    } catch (IOException e) {
      LOG.log(System.Logger.Level.WARNING, "cannot list " + directory, e);
    }
  }
}
