package dev.berth.sandbox;

import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/**
 * The sandboxes and containers of this process and the names they have. Thread-safe; all answers
 * come from memory.
 */
final class Registry {
  final IdIndex<Sandbox> sandboxes = new IdIndex<>("sandbox");
  final IdIndex<Container> containers = new IdIndex<>("container");
  final Names<SandboxName> sandboxNames = new Names<>("sandbox");
  final Names<ContainerName> containerNames = new Names<>("container");

  List<Container> containersOf(String sandboxId) {
    return containers.all().stream()
        .filter(container -> container.record().sandboxId().equals(sandboxId))
        .toList();
  }

  List<SandboxStatus> list(SandboxFilter filter, PodPaths paths) {
    return selected(sandboxes, filter.id()).stream()
        .map(sandbox -> sandbox.status(paths))
        .filter(filter::accepts)
        .sorted(Comparator.comparing(SandboxStatus::createdAt).reversed())
        .toList();
  }

  /** Lists containers, without those of which it is not known yet whether they were ever made. */
  List<ContainerStatus> list(ContainerFilter filter) {
    Optional<String> sandboxId =
        filter.sandboxId().map(id -> sandboxes.find(id).map(Sandbox::id).orElse(""));
    return selected(containers, filter.id()).stream()
        .filter(container -> !container.isInDoubt())
        .map(container -> container.record().status())
        .filter(status -> sandboxId.map(status.sandboxId()::equals).orElse(true))
        .filter(filter::accepts)
        .sorted(
            Comparator.comparing((ContainerStatus status) -> status.state().createdAt()).reversed())
        .toList();
  }

  private static <T> List<T> selected(IdIndex<T> index, Optional<String> id) {
    return id.map(wanted -> index.find(wanted).stream().toList()).orElseGet(index::all);
  }
}
