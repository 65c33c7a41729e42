package dev.berth.sandbox.net;

import dev.berth.base.AuditSheet;
import dev.berth.base.Auditor;
import java.util.List;
import java.util.function.Supplier;

/** Audits the addresses that are given out: each to the pod whose record has it. */
record AddressAuditor(List<AddressPool> pools, Supplier<List<NetworkedPod>> pods)
    implements Auditor {
  @Override
  public String kind() {
    return "address";
  }

  @Override
  public void look(AuditSheet sheet) {
    for (AddressPool pool : pools) {
      pool.owners()
          .forEach((address, owner) -> sheet.found(name(address.getHostAddress(), owner), owner));
    }
    for (NetworkedPod pod : pods.get()) {
      pod.addresses().addresses().stream()
          .map(PodAddresses.PodAddress::address)
          .filter(address -> pools.stream().anyMatch(pool -> pool.has(address)))
          .map(address -> name(address.getHostAddress(), pod.sandboxId()))
          .forEach(name -> sheet.required(name, pod.sandboxId(), "it may be given to another pod"));
    }
  }

  private static String name(String address, String owner) {
    return address + " of " + owner;
  }
}
