package dev.berth.sandbox;

/** The reasons of {@link ContainerState.Exited}: words that the kubelet and its users know. */
public final class ExitReasons {
  /** Exit code 0. */
  public static final String COMPLETED = "Completed";

  /** Any other exit code. */
  public static final String ERROR = "Error";

  /** The kernel killed the program because the memory of its cgroup was used up. */
  public static final String OOM_KILLED = "OOMKilled";

  /** The program could not be executed. */
  public static final String START_ERROR = "StartError";

  /** The exit was not seen by anyone. */
  public static final String UNKNOWN = "Unknown";

  private ExitReasons() {}
}
