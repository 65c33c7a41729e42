package dev.berth.runtime.spec;

import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The state of a container as others are told it: runtime.md of the runtime-spec, "State".
 *
 * @param ociVersion of the specification that the state complies with
 * @param pid of its first process, in the PID namespace of whoever is told; null when it is stopped
 * @param bundle absolute path
 */
public record ContainerState(
    String ociVersion,
    String id,
    String status,
    @Nullable Integer pid,
    String bundle,
    Map<String, String> annotations) {
  public ContainerState {
    annotations = Absent.map(annotations);
  }

  /** Returns it as JSON in UTF-8. */
  public byte[] toJson() {
    return SpecJson.write(this);
  }
}
