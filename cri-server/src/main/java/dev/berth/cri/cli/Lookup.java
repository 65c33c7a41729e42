package dev.berth.cri.cli;

import dev.berth.proto.cri.v1.Container;
import dev.berth.proto.cri.v1.ListContainersRequest;
import dev.berth.proto.cri.v1.ListPodSandboxRequest;
import dev.berth.proto.cri.v1.PodSandbox;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;

/** Finds pods and containers by what people call them. */
final class Lookup {
  private final List<PodSandbox> pods;
  private final List<Container> containers;

  private Lookup(List<PodSandbox> pods, List<Container> containers) {
    this.pods = pods;
    this.containers = containers;
  }

  static Lookup of(CriClient cri) {
    return new Lookup(
        cri.runtime().listPodSandbox(ListPodSandboxRequest.getDefaultInstance()).getItemsList(),
        cri.runtime()
            .listContainers(ListContainersRequest.getDefaultInstance())
            .getContainersList());
  }

  List<PodSandbox> pods() {
    return pods;
  }

  List<Container> containers() {
    return containers;
  }

  /** Returns the one pod with this name, or whose id begins so. */
  Optional<PodSandbox> findPod(String name) {
    return only("pods", name, pods, pod -> matches(name, pod.getId(), pod.getMetadata().getName()));
  }

  /** Returns the one container with this name, {@code pod/name}, or whose id begins so. */
  Optional<Container> findContainer(String name) {
    int slash = name.indexOf('/');
    if (slash >= 0) {
      Optional<PodSandbox> pod = findPod(name.substring(0, slash));
      String container = name.substring(slash + 1);
      return pod.flatMap(of ->
          only(
              "containers",
              name,
              containers,
              candidate ->
                  candidate.getPodSandboxId().equals(of.getId())
                      && candidate.getMetadata().getName().equals(container)));
    }
    return only(
        "containers",
        name,
        containers,
        container -> matches(name, container.getId(), container.getMetadata().getName()));
  }

  Container container(String name) {
    return findContainer(name).orElseThrow(() -> new CliException("no such container: " + name));
  }

  String podName(String sandboxId) {
    return pods.stream()
        .filter(pod -> pod.getId().equals(sandboxId))
        .map(pod -> pod.getMetadata().getName())
        .findFirst()
        .orElse("<gone>");
  }

  private static boolean matches(String wanted, String id, String name) {
    return !wanted.isEmpty() && (id.startsWith(wanted) || name.equals(wanted));
  }

  private static <T> Optional<T> only(String kind, String name, List<T> all, Predicate<T> matches) {
    List<T> found = all.stream().filter(matches).toList();
    if (found.size() > 1) {
      throw new CliException(
          found.size() + " " + kind + " match " + name + ", give more of the id");
    }
    return found.stream().findFirst();
  }
}
