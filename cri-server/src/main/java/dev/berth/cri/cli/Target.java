package dev.berth.cri.cli;

import java.util.function.Consumer;

/** What a name on the command line means: a pod or a container. */
sealed interface Target {
  /** A pod sandbox. */
  record Pod(String sandboxId) implements Target {}

  /** A container. */
  record OneContainer(String containerId) implements Target {}

  /** Finds the pod or container of a name; a pod wins over a container of the same name. */
  static Target of(Lookup lookup, String name) {
    if (name.indexOf('/') < 0) {
      var pod = lookup.findPod(name);
      if (pod.isPresent()) {
        return new Pod(pod.get().getId());
      }
    }
    return lookup
        .findContainer(name)
        .<Target>map(container -> new OneContainer(container.getId()))
        .orElseThrow(() -> new CliException("no such pod or container: " + name));
  }

  /** Does what is right for the kind, with its id. */
  default void run(Consumer<String> forPod, Consumer<String> forContainer) {
    switch (this) {
      case Pod(var sandboxId) -> forPod.accept(sandboxId);
      case OneContainer(var containerId) -> forContainer.accept(containerId);
    }
  }
}
