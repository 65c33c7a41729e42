package dev.berth.runtime.spec;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a seccomp agent is told of a process together with the listener of its filter: runtime-spec,
 * config-linux.md, "The Container Process State".
 *
 * @param fds names of the descriptors that go with it
 * @param pid of the process, as the runtime sees it
 * @param metadata {@code linux.seccomp.listenerMetadata}
 * @param state of its container
 */
public record ContainerProcessState(
    String ociVersion, List<String> fds, int pid, @Nullable String metadata, ContainerState state) {
  public ContainerProcessState {
    fds = Absent.list(fds);
  }

  /** Returns it as JSON in UTF-8. */
  public byte[] toJson() {
    return SpecJson.write(this);
  }
}
