package dev.berth.sandbox.spec;

import dev.berth.runtime.spec.IdMappings;
import java.nio.file.Path;

/**
 * A mount that CRI asks for, after its source was looked at.
 *
 * @param source path on the host without symbolic links
 * @param destination absolute path in the container
 * @param access whether the container may write to it
 * @param ids with which it shows its files; none for those that the files have
 */
public record BoundMount(
    Path source, String destination, Access access, Propagation propagation, IdMappings ids) {
  /** Whether a mount can be written to. */
  public enum Access {
    READ_WRITE("rw"),
    READ_ONLY("ro"),
    /** Read-only together with all that is mounted below. */
    RECURSIVELY_READ_ONLY("rro");

    private final String option;

    Access(String option) {
      this.option = option;
    }

    String option() {
      return option;
    }
  }

  /** How mounts spread between host and container; a later one includes the earlier ones. */
  public enum Propagation {
    PRIVATE("rprivate"),
    HOST_TO_CONTAINER("rslave"),
    BIDIRECTIONAL("rshared");

    private final String option;

    Propagation(String option) {
      this.option = option;
    }

    String option() {
      return option;
    }
  }
}
