package dev.berth.sandbox.net;

import java.util.List;

/**
 * The settings of Berth's own network.
 *
 * @param instance names the bridge and the table of the packet filter
 * @param subnets at most one per family
 * @param mtu largest packet in bytes
 * @param forward whether pods reach beyond the host: then forwarding is turned on for the machine,
 *     and what leaves it bears the host's address
 */
public record BridgeSettings(String instance, List<Subnet> subnets, int mtu, boolean forward) {
  public BridgeSettings {
    subnets = List.copyOf(subnets);
  }

  String bridge() {
    return instance + "0";
  }

  String table() {
    return instance;
  }
}
