package dev.berth.sandbox.net;

import dev.berth.base.AuditSheet;
import dev.berth.base.Auditor;
import dev.berth.runtime.kernel.RtNetlink;
import dev.berth.runtime.kernel.RtNetlink.Link;
import java.util.List;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;

/**
 * Audits the bridge and the host's ends of the devices of pods, which are in it.
 *
 * @param isMade tells whether pods have been attached, after which the bridge stays
 */
record LinkAuditor(
    HostNetwork host,
    BridgeSettings settings,
    BooleanSupplier isMade,
    Supplier<List<NetworkedPod>> pods)
    implements Auditor {
  @Override
  public String kind() {
    return "link";
  }

  @Override
  public void look(AuditSheet sheet) {
    enter(links(), sheet);
    if (isMade.getAsBoolean()) {
      sheet.allowed(settings.bridge());
    }
    for (NetworkedPod pod : pods.get()) {
      String device = BridgeNetwork.deviceName(pod.sandboxId());
      if (pod.isReady()) {
        sheet.required(device, pod.sandboxId(), pod.reason());
        sheet.required(settings.bridge(), pod.sandboxId(), pod.reason());
      } else {
        sheet.allowed(device);
        sheet.allowed(settings.bridge());
      }
    }
  }

  private List<Link> links() {
    try (RtNetlink network = host.call(RtNetlink::open)) {
      return network.links();
    }
  }

  private void enter(List<Link> links, AuditSheet sheet) {
    for (Link bridge : links) {
      if (bridge.name().equals(settings.bridge())) {
        sheet.found(bridge.name(), "", "no pod is attached to it");
        links.stream()
            .filter(link -> link.masterIndex() == bridge.index())
            .forEach(link -> sheet.found(link.name(), BridgeNetwork.ownerOf(link.name())));
      }
    }
  }
}
