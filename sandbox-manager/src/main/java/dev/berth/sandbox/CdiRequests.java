package dev.berth.sandbox;

import dev.berth.proto.cri.v1.CDIDevice;
import dev.berth.proto.cri.v1.ContainerConfig;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;

/** Reads which CDI devices a container asks for: by CRI's field, or by annotations as before it. */
final class CdiRequests {
  private static final String ANNOTATION = "cdi.k8s.io/";

  private CdiRequests() {}

  /** Returns the qualified names, unchecked; those of the field come first. */
  static List<String> of(ContainerConfig config) {
    List<String> names = new ArrayList<>();
    config.getCDIDevicesList().stream().map(CDIDevice::getName).forEach(names::add);
    new TreeMap<>(config.getAnnotationsMap())
        .forEach((key, value) -> {
          if (key.startsWith(ANNOTATION)) {
            names.addAll(List.of(value.split(",", -1)));
          }
        });
    return names;
  }
}
