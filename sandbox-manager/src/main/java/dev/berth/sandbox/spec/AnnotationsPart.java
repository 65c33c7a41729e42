package dev.berth.sandbox.spec;

import dev.berth.proto.cri.v1.PodSandboxMetadata;
import dev.berth.runtime.spec.RuntimeSpec;
import java.util.Map;
import java.util.TreeMap;

/**
 * Writes the annotations by which shims, monitoring agents and plugins know a container of
 * Kubernetes. Annotations of the pod are not passed on: some shims take orders from them (rule R8).
 */
final class AnnotationsPart implements SpecAdjuster {
  private static final String PREFIX = "io.kubernetes.cri.";

  @Override
  public RuntimeSpec adjust(RuntimeSpec spec, SpecInput input) {
    PodSandboxMetadata pod = input.sandbox().getMetadata();
    Map<String, String> annotations = new TreeMap<>(spec.annotations());
    annotations.put(PREFIX + "container-type", "container");
    annotations.put(PREFIX + "sandbox-id", input.sandboxId());
    annotations.put(PREFIX + "sandbox-name", pod.getName());
    annotations.put(PREFIX + "sandbox-namespace", pod.getNamespace());
    annotations.put(PREFIX + "sandbox-uid", pod.getUid());
    annotations.put(PREFIX + "container-name", input.container().getMetadata().getName());
    annotations.put(PREFIX + "image-name", input.container().getImage().getImage());
    return spec.toBuilder().annotations(annotations).build();
  }
}
