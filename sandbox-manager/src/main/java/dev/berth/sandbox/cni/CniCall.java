package dev.berth.sandbox.cni;

import java.util.LinkedHashMap;
import java.util.Map;

/** The variables of one call, in the terms of the specification. */
record CniCall(CniCommand command, Attachment attachment, String cniPath) {
  /** Returns our own environment, since plugins need PATH for iptables, and the call's. */
  Map<String, String> environment() {
    Map<String, String> environment = new LinkedHashMap<>(System.getenv());
    environment.put("CNI_COMMAND", command.name());
    environment.put("CNI_CONTAINERID", attachment.containerId());
    environment.put("CNI_NETNS", attachment.netns());
    environment.put("CNI_IFNAME", attachment.ifName());
    environment.put("CNI_ARGS", attachment.args().toString());
    environment.put("CNI_PATH", cniPath);
    return environment;
  }
}
