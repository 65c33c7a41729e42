package dev.berth.sandbox.cni;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * The variables of one call, in the terms of the specification.
 *
 * @param attachment empty for what is about the network as a whole
 */
record CniCall(CniCommand command, Optional<Attachment> attachment, String cniPath) {
  /** Returns our own environment, since plugins need PATH for iptables, and the call's. */
  Map<String, String> environment() {
    Map<String, String> environment = new LinkedHashMap<>(System.getenv());
    environment.put("CNI_COMMAND", command.name());
    environment.put("CNI_PATH", cniPath);
    attachment.ifPresent(one -> {
      environment.put("CNI_CONTAINERID", one.containerId());
      environment.put("CNI_NETNS", one.netns());
      environment.put("CNI_IFNAME", one.ifName());
      environment.put("CNI_ARGS", one.args().toString());
    });
    return environment;
  }
}
