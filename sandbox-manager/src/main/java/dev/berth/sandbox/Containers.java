package dev.berth.sandbox;

import dev.berth.base.Operation;
import dev.berth.proto.cri.v1.ContainerConfig;
import dev.berth.proto.cri.v1.LinuxContainerResources;
import dev.berth.proto.cri.v1.PodSandboxConfig;
import java.time.Duration;
import java.util.List;

/**
 * The containers of all sandboxes.
 *
 * <p>Thread-safe. Until recovery has ended every method answers {@code UNAVAILABLE}. Where a method
 * takes a container id, a prefix that no other container shares will do.
 */
public interface Containers {
  /**
   * Creates a container in a READY sandbox: its file system is mounted and its process waits for
   * {@link #start}.
   *
   * <p>The image must be present. On failure everything is undone.
   *
   * @param config stored as it is and echoed by {@link #status}
   * @param sandboxConfig what the caller believes the sandbox's configuration is; only its log
   *     directory is read, and only if the sandbox was run without one
   * @param operation passes through the stages of {@link CreateContainerStage}
   */
  ContainerStatus create(
      String sandboxId,
      ContainerConfig config,
      PodSandboxConfig sandboxConfig,
      Operation operation);

  /**
   * Starts a created container and returns once its program has been executed.
   *
   * <p>On failure the container is EXITED with code 128 and reason {@code StartError}.
   *
   * @throws dev.berth.base.BerthException FAILED_PRECONDITION unless the container is CREATED
   */
  void start(String containerId, Operation operation);

  /**
   * Stops a container and returns once its exit is recorded.
   *
   * <p>Sends the container's stop signal, and SIGKILL when {@code timeout} is over; at once if it
   * is zero. A second call while the first waits does not repeat the signal, and the shorter
   * timeout wins. Idempotent: a container that does not run, or does not exist, is stopped.
   */
  void stop(String containerId, Duration timeout, Operation operation);

  /** Kills the container if it runs and removes it. Idempotent, also for unknown ids. */
  void remove(String containerId, Operation operation);

  /**
   * Returns the state of one container, from memory.
   *
   * @throws dev.berth.base.BerthException NOT_FOUND if there is none
   */
  ContainerStatus status(String containerId);

  /**
   * Returns what is known of one container beyond its state; reads its bundle.
   *
   * @throws dev.berth.base.BerthException NOT_FOUND if there is none
   */
  ContainerDetails details(String containerId);

  /** Returns the containers that pass the filter, from memory, newest first. */
  List<ContainerStatus> list(ContainerFilter filter);

  /**
   * Runs a command in a running container and returns its output and exit code.
   *
   * <p>Of each stream at most {@link ExecResult#MAX_OUTPUT_BYTES} are kept, the surplus is read and
   * dropped.
   *
   * @param timeout after which the command is killed; zero for none
   * @throws dev.berth.base.BerthException DEADLINE_EXCEEDED if the command was killed by the
   *     timeout: the kubelet counts a probe as failed only by this kind
   */
  ExecResult execSync(
      String containerId, List<String> command, Duration timeout, Operation operation);

  /**
   * Changes the limits of a container, whatever its state; a part that is zero or empty stays as it
   * is. All of the change is in force on return and shown by {@link #status}, or none.
   *
   * @param operation passes through the stages of {@link UpdateContainerResourcesStage}
   */
  void update(String containerId, LinuxContainerResources change, Operation operation);

  /**
   * Writes the state of a running container into a tar archive of mode 0600, in the layout of
   * checkpointctl; the container goes on, also when it fails. The archive appears when it is
   * complete, in the place of an earlier one.
   *
   * @param location absolute path of the archive, in an existing directory
   * @param timeout of the dump; zero for ten minutes
   * @param operation passes through the stages of {@link CheckpointContainerStage}
   * @throws dev.berth.base.BerthException INVALID_ARGUMENT naming the location, FAILED_PRECONDITION
   *     unless the container is running, or if CRIU is missing or cannot dump it
   */
  void checkpoint(String containerId, String location, Duration timeout, Operation operation);

  /**
   * Makes a running container write to a new file at its log path, after the old one was renamed.
   *
   * <p>On return the file exists and the old one gets no further line.
   */
  void reopenLog(String containerId, Operation operation);
}
