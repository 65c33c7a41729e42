package dev.berth.shim;

import static dev.berth.base.BerthException.Kind.ALREADY_EXISTS;
import static dev.berth.base.BerthException.Kind.INTERNAL;

import dev.berth.base.AtomicFiles;
import dev.berth.base.BerthException;
import dev.berth.runtime.kernel.EventLoop;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;

/**
 * Starts the programs that take the output of containers whose creator wants it so: any {@code
 * binary://} of containerd's logger protocol, and berth-init for {@code file://}.
 */
final class Loggers {
  private final ShimDirectory directory;
  private final Path berthInit;
  private final String namespace;
  private final EventLoop loop;

  Loggers(ShimDirectory directory, Path berthInit, String namespace, EventLoop loop) {
    this.directory = directory;
    this.berthInit = berthInit;
    this.namespace = namespace;
    this.loop = loop;
  }

  /** Removes what loggers have left whose containers are gone. */
  void sweep() throws IOException {
    directory.deleteLoggers(id -> !Files.exists(directory.tasks().resolve(id)));
  }

  /**
   * Starts the logger of a process, if its streams name one; returns when it is ready.
   *
   * @param execId empty for the container's first process
   * @throws BerthException naming stdout if it cannot be started; nothing is left then
   */
  Optional<LoggerProcess> start(String containerId, String execId, Stdio stdio) {
    return stdio
        .logger(berthInit)
        .map(program ->
            LoggerProcess.start(
                program,
                makeDirectory(containerId, execId),
                Map.of("CONTAINER_ID", containerId, "CONTAINER_NAMESPACE", namespace),
                loop));
  }

  /** One that a logger of an earlier shim left is in nobody's use once its task is gone. */
  private Path makeDirectory(String containerId, String execId) {
    Path path = directory.logger(containerId, execId);
    try {
      if (!Files.exists(directory.tasks().resolve(containerId))) {
        directory.deleteLoggers(containerId::equals);
      }
      AtomicFiles.createPrivateDirectories(directory.loggers());
      return Files.createDirectory(path);
    } catch (FileAlreadyExistsException e) {
      throw new BerthException(ALREADY_EXISTS, path + ": there is a logger already", e);
    } catch (IOException e) {
      throw new BerthException(INTERNAL, "cannot make " + path + ": " + e, e);
    }
  }
}
