package dev.berth.sandbox;

import java.time.Instant;

/**
 * The state of a container.
 *
 * <pre>
 *   (create) -> Created -- start --> Running -- exit --> Exited -> (remove)
 *                  |                                       ^
 *                  +------- start failed, stop ------------+
 *   Unknown: a shim that cannot be asked owns the task; stop and remove are possible
 * </pre>
 */
public sealed interface ContainerState {
  /** When {@link Containers#create} made the container. */
  Instant createdAt();

  /** The process waits for {@link Containers#start}. */
  record Created(Instant createdAt) implements ContainerState {}

  /** The program was executed and has not ended. */
  record Running(Instant createdAt, Instant startedAt, int pid) implements ContainerState {}

  /**
   * The program has ended, or could not be started.
   *
   * @param startedAt the epoch if it never ran
   * @param exitCode 128 + n after a death by signal n; 128 if it could not be started; 255 if
   *     nobody knows
   * @param reason one word that the kubelet reads, see {@link ExitReasons}
   * @param message for people; may be empty
   */
  record Exited(
      Instant createdAt,
      Instant startedAt,
      Instant finishedAt,
      int exitCode,
      String reason,
      String message)
      implements ContainerState {}

  /** The shim that owns the task could not be reached. */
  record Unknown(Instant createdAt, Instant startedAt, String why) implements ContainerState {}
}
