package dev.berth.sandbox.net;

import static dev.berth.base.BerthException.Kind.FAILED_PRECONDITION;
import static java.lang.System.Logger.Level.INFO;

import dev.berth.base.BerthException;
import dev.berth.runtime.kernel.RtNetlink;
import java.util.List;

/** The bridge of the pods, and what the kernel has to be told for it to lead anywhere. */
final class HostBridge {
  private static final System.Logger LOG = System.getLogger(HostBridge.class.getName());

  private final BridgeSettings settings;

  HostBridge(BridgeSettings settings) {
    this.settings = settings;
  }

  /**
   * Makes it, or what is missing of it. Called in the host's network namespace.
   *
   * @return its number
   * @throws BerthException FAILED_PRECONDITION if a network of the host has the same addresses
   */
  int setUp(RtNetlink host) {
    int index = host.findLink(settings.bridge()).map(RtNetlink.Link::index).orElse(0);
    requireNoOverlap(host.addresses(), index);
    if (index == 0) {
      host.addBridge(
          settings.bridge(),
          PodAddresses.mac(settings.subnets().getFirst().gateway()),
          settings.mtu());
      index = host.link(settings.bridge()).index();
    }
    tellKernel();
    for (Subnet subnet : settings.subnets()) {
      host.addAddress(new RtNetlink.Address(index, subnet.gateway(), subnet.prefixLength()));
    }
    return index;
  }

  private void requireNoOverlap(List<RtNetlink.Address> addresses, int bridge) {
    for (RtNetlink.Address address : addresses) {
      for (Subnet subnet : settings.subnets()) {
        if (address.linkIndex() != bridge
            && subnet.overlaps(address.address(), address.prefixLength())) {
          throw new BerthException(
              FAILED_PRECONDITION,
              "network_subnets: "
                  + subnet
                  + " overlaps with "
                  + address.address().getHostAddress()
                  + "/"
                  + address.prefixLength()
                  + ", which this host has already");
        }
      }
    }
  }

  private void tellKernel() {
    String bridge = settings.bridge();
    // Else what the host sends from 127.0.0.1 would never leave for a pod: see PacketRules.guard.
    KernelParameters.set("ipv4/conf/" + bridge + "/route_localnet", "1");
    KernelParameters.trustNobodyOn(bridge);
    if (settings.forward()) {
      settings.subnets().forEach(HostBridge::turnForwardingOn);
    }
  }

  private static void turnForwardingOn(Subnet subnet) {
    String name = subnet.isIpv4() ? "ipv4/ip_forward" : "ipv6/conf/all/forwarding";
    if (KernelParameters.get(name).equals("1")) {
      return;
    }
    if (!subnet.isIpv4()) {
      keepRouterAdvertisements();
    }
    KernelParameters.set(name, "1");
    LOG.log(INFO, "turned on net." + name.replace('/', '.') + " for the pod network");
  }

  /** A host that forwards would otherwise forget the routes it has learned from its routers. */
  private static void keepRouterAdvertisements() {
    for (String device : KernelParameters.names("ipv6/conf")) {
      String name = "ipv6/conf/" + device + "/accept_ra";
      if (KernelParameters.get(name).equals("1")) {
        KernelParameters.set(name, "2");
      }
    }
  }

  /** Deletes it. */
  void remove(RtNetlink host) {
    host.findLink(settings.bridge()).ifPresent(bridge -> host.deleteLink(bridge.index()));
  }
}
