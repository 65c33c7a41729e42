package dev.berth.sandbox;

import java.time.Instant;
import java.util.List;

/**
 * Something happened to a pod or one of its containers.
 *
 * @param id of what it happened to: a container or the sandbox
 * @param sandbox as it was just after
 * @param containers all of the pod's, as they were just after
 */
public record PodEvent(
    String id, Kind kind, Instant at, SandboxStatus sandbox, List<ContainerStatus> containers) {
  /** What happened. */
  public enum Kind {
    CREATED,
    STARTED,
    STOPPED,
    DELETED
  }

  public PodEvent {
    containers = List.copyOf(containers);
  }
}
