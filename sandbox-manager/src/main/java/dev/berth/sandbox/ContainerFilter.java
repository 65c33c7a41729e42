package dev.berth.sandbox;

import java.util.Map;
import java.util.Optional;

/**
 * Which containers to list; what is empty does not restrict.
 *
 * @param id an id or a prefix that exactly one container has; any other value lists none
 * @param sandboxId like {@code id}, of the sandbox
 * @param state the kind of state
 * @param labels all must be present with exactly these values
 */
public record ContainerFilter(
    Optional<String> id,
    Optional<String> sandboxId,
    Optional<Class<? extends ContainerState>> state,
    Map<String, String> labels) {
  /** Passes every container. */
  public static final ContainerFilter ALL =
      new ContainerFilter(Optional.empty(), Optional.empty(), Optional.empty(), Map.of());

  /** Passes every container of a sandbox. */
  public static ContainerFilter ofSandbox(String sandboxId) {
    return new ContainerFilter(
        Optional.empty(), Optional.of(sandboxId), Optional.empty(), Map.of());
  }

  public ContainerFilter {
    labels = Map.copyOf(labels);
  }

  boolean accepts(ContainerStatus container) {
    return state.map(kind -> kind.isInstance(container.state())).orElse(true)
        && container.config().getLabelsMap().entrySet().containsAll(labels.entrySet());
  }
}
