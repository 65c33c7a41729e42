package dev.berth.sandbox.spec;

import dev.berth.proto.cri.v1.PodSandboxConfig;
import dev.berth.proto.cri.v1.PodSandboxMetadata;
import dev.berth.runtime.spec.RuntimeSpec;
import java.util.Map;
import java.util.TreeMap;

/**
 * Writes the annotations by which shims, monitoring agents and plugins know a pod or container of
 * Kubernetes, under containerd's names. Annotations of the pod are not passed on: some shims take
 * orders from them (rule R8).
 */
final class AnnotationsPart implements SpecAdjuster {
  private static final String PREFIX = "io.kubernetes.cri.";

  /** Returns the annotations of the task of a pod itself. */
  static Map<String, String> ofSandbox(String sandboxId, PodSandboxConfig config) {
    Map<String, String> annotations = new TreeMap<>(ofPod(sandboxId, config));
    annotations.put(PREFIX + "container-type", "sandbox");
    annotations.put(PREFIX + "sandbox-log-directory", config.getLogDirectory());
    return annotations;
  }

  private static Map<String, String> ofPod(String sandboxId, PodSandboxConfig config) {
    PodSandboxMetadata pod = config.getMetadata();
    return Map.of(
        PREFIX + "sandbox-id", sandboxId,
        PREFIX + "sandbox-name", pod.getName(),
        PREFIX + "sandbox-namespace", pod.getNamespace(),
        PREFIX + "sandbox-uid", pod.getUid());
  }

  @Override
  public RuntimeSpec adjust(RuntimeSpec spec, SpecInput input) {
    Map<String, String> annotations = new TreeMap<>(spec.annotations());
    annotations.putAll(ofPod(input.sandboxId(), input.sandbox()));
    annotations.put(PREFIX + "container-type", "container");
    annotations.put(PREFIX + "container-name", input.container().getMetadata().getName());
    annotations.put(PREFIX + "image-name", input.container().getImage().getImage());
    return spec.toBuilder().annotations(annotations).build();
  }
}
