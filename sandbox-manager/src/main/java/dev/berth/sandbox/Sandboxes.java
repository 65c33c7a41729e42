package dev.berth.sandbox;

import dev.berth.base.Operation;
import dev.berth.proto.cri.v1.LinuxContainerResources;
import dev.berth.proto.cri.v1.PodSandboxConfig;
import java.util.List;
import java.util.Optional;

/**
 * The pod sandboxes of this runtime: a sandbox is the namespaces, network and files that the
 * containers of one pod share.
 *
 * <p>Thread-safe. Verbs on one sandbox wait for each other, verbs on different sandboxes never do.
 * Until recovery has ended every method answers {@code UNAVAILABLE}.
 */
public interface Sandboxes {
  /**
   * Creates a sandbox and returns once it is READY: namespaces pinned, files written, network up.
   *
   * <p>A call whose configuration equals one under way joins it. After success the same name,
   * namespace, uid and attempt are {@code ALREADY_EXISTS}, naming the sandbox that has them. On
   * failure everything is undone; a sandbox that could not be undone stays listed as NOT_READY, so
   * that {@link #stop} and {@link #remove} can finish the work.
   *
   * @param config stored as it is and echoed by {@link #status}
   * @param runtimeHandler name of a handler of the settings; empty for the default one
   * @param operation passes through the stages of {@link RunPodSandboxStage}
   */
  SandboxStatus run(PodSandboxConfig config, String runtimeHandler, Operation operation);

  /**
   * Kills all containers of the sandbox, releases its network and its namespaces.
   *
   * <p>Idempotent: stopping what is stopped or unknown succeeds. After a failure the sandbox is
   * NOT_READY and the call can be repeated.
   */
  void stop(String sandboxId, Operation operation);

  /** Stops the sandbox, removes its containers and forgets it. Idempotent, also for unknown ids. */
  void remove(String sandboxId, Operation operation);

  /**
   * Takes note of what a pod may use in all: {@link #details} shows it. The cgroup of a pod is its
   * caller's, and not written here.
   *
   * @param overhead empty to leave it as it is
   * @param resources empty to leave them as they are
   * @throws dev.berth.base.BerthException NOT_FOUND if there is no such sandbox
   */
  void update(
      String sandboxId,
      Optional<LinuxContainerResources> overhead,
      Optional<LinuxContainerResources> resources,
      Operation operation);

  /**
   * Returns the state of one sandbox, from memory.
   *
   * @param sandboxId the id or a prefix of it that no other sandbox shares
   * @throws dev.berth.base.BerthException NOT_FOUND if there is none
   */
  SandboxStatus status(String sandboxId);

  /**
   * Returns what is known of one sandbox beyond its state; reads its bundle.
   *
   * @throws dev.berth.base.BerthException NOT_FOUND if there is none
   */
  SandboxDetails details(String sandboxId);

  /** Returns the sandboxes that pass the filter, from memory, newest first. */
  List<SandboxStatus> list(SandboxFilter filter);
}
