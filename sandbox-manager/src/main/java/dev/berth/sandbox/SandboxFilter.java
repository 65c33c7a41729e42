package dev.berth.sandbox;

import java.util.Map;
import java.util.Optional;

/**
 * Which sandboxes to list; what is empty does not restrict.
 *
 * @param id an id or a prefix that exactly one sandbox has; any other value lists none
 * @param labels all must be present with exactly these values
 */
public record SandboxFilter(
    Optional<String> id, Optional<SandboxState> state, Map<String, String> labels) {
  /** Passes every sandbox. */
  public static final SandboxFilter ALL =
      new SandboxFilter(Optional.empty(), Optional.empty(), Map.of());

  public SandboxFilter {
    labels = Map.copyOf(labels);
  }

  boolean accepts(SandboxStatus sandbox) {
    return state.map(wanted -> wanted == sandbox.state()).orElse(true)
        && sandbox.config().getLabelsMap().entrySet().containsAll(labels.entrySet());
  }
}
