package dev.berth.e2e;

import dev.berth.e2e.FaultPlan.Fault;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Containers whose stub was killed: only the shim, as a subreaper, or berthd can see how they end.
 * One that ends while neither is there ends unseen, and this proves it: it was alive before the
 * last of them died, and gone before the first came back.
 */
final class Orphans {
  private final FaultLedger ledger;

  /** The process of each, by container. */
  private final Map<String, Set<String>> processes = new HashMap<>();

  private final Set<String> aliveBefore = new HashSet<>();

  Orphans(FaultLedger ledger) {
    this.ledger = ledger;
  }

  void beforeStubDies(StubProcess stub) {
    Optional<String> container = stub.containerId();
    container.ifPresent(id -> {
      ledger.losesItsStub(id);
      processes.computeIfAbsent(id, _ -> new HashSet<>()).addAll(stub.children());
    });
  }

  void beforeShimDies() {
    aliveBefore.clear();
    processes.forEach((id, all) -> {
      if (all.stream().anyMatch(StubProcess::isAlive)) {
        aliveBefore.add(id);
      }
    });
  }

  void afterBothWereDead(Fault fault) {
    for (String id : aliveBefore) {
      Set<String> all = processes.getOrDefault(id, Set.of());
      if (all.stream().noneMatch(StubProcess::isAlive)) {
        ledger.exitIsUnknown(id, "stub killed, " + all + " ended while both were dead: " + fault);
      }
    }
  }
}
