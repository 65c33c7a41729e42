package dev.berth.e2e;

import dev.berth.e2e.FaultLedger.Promise;
import dev.berth.e2e.FaultPlan.Fault;
import dev.berth.proto.cri.v1.ContainerState;
import dev.berth.proto.cri.v1.ListContainersRequest;
import dev.berth.proto.cri.v1.ListPodSandboxRequest;
import dev.berth.proto.cri.v1.PodSandboxState;
import dev.berth.testing.Await;
import java.io.IOException;
import java.io.PrintStream;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;

/**
 * Carries a plan of faults out, one after the other, and looks after each whether all pods and
 * containers are listed that should be.
 */
final class Saboteur {
  private static final Duration SOON = Duration.ofSeconds(20);

  private final FaultyNode node;
  private final FaultLedger ledger;
  private final Persistence persistence;
  private final PrintStream schedule;
  private final Orphans orphans;
  private final long began = System.nanoTime();

  /**
   * Does nothing yet.
   *
   * @param schedule gets a line for each fault
   */
  Saboteur(FaultyNode node, FaultLedger ledger, PrintStream schedule) {
    this.node = node;
    this.ledger = ledger;
    this.persistence = new Persistence(ledger);
    this.schedule = schedule;
    this.orphans = new Orphans(ledger);
  }

  void carryOut(List<Fault> faults) throws IOException {
    for (Fault fault : faults) {
      Pauses.of(fault.pause());
      String victim = strike(fault);
      ledger.count("faults: " + fault.kind());
      long millis = Duration.ofNanos(System.nanoTime() - began).toMillis();
      schedule.printf("%8d ms %s: %s%n", millis, fault, victim);
      checkLists(fault);
    }
  }

  /** Does it, and returns to whom. */
  private String strike(Fault fault) throws IOException {
    return switch (fault.kind()) {
      case BERTHD_KILLED -> killBerthd(fault);
      case SHIM_KILLED -> killShim();
      case BOTH_KILLED -> killBoth(fault);
      case STUB_KILLED -> killStub(fault);
      case STUB_AND_BOTH_KILLED -> killStub(fault) + ", " + killBoth(fault);
      case PLUGIN_KILLED -> trap(fault, "KILL", "");
      case PLUGIN_STOPPED -> trap(fault, "STOP", "");
      case PLUGIN_SLOWED -> slowPlugin(fault);
      case REGISTRY_KILLED -> killRegistry(fault);
      case SHIM_KILLED_BESIDE_STOPPED_STUBS -> killShimBesideStoppedStubs(fault);
      case BERTHD_KILLED_BESIDE_STOPPED_SHIM -> killBerthdBesideStoppedShim(fault);
      case BERTHD_STOPPED -> stop(fault, "berthd", node.berth().berthdPid());
      case SHIM_STOPPED -> stop(fault, "shim", awaitShim());
      case STUB_STOPPED -> stopStub(fault);
      case REGISTRY_STOPPED -> stop(fault, "registry", node.registry().pid());
      case DISK_FULL -> fillDisk(fault);
      case SHIM_UPGRADED -> upgradeShim();
    };
  }

  private String killBerthd(Fault fault) throws IOException {
    long pid = node.berth().berthdPid();
    node.berth().kill();
    restart(fault);
    return "berthd " + pid;
  }

  private String killShim() {
    long pid = awaitShim();
    orphans.beforeShimDies();
    kill(pid);
    return "shim " + pid;
  }

  /** In either order, with the moment between that a process takes to die. */
  private String killBoth(Fault fault) throws IOException {
    long shim = awaitShim();
    long berthd = node.berth().berthdPid();
    orphans.beforeShimDies();
    if (fault.pick() % 2 == 0) {
      kill(shim);
      node.berth().kill();
    } else {
      node.berth().kill();
      killSuccessors(shim);
    }
    killSuccessors(shim);
    Pauses.of(fault.hold());
    orphans.afterBothWereDead(fault);
    restart(fault);
    return "berthd " + berthd + " and shim " + shim;
  }

  /** A dying berthd may have started another shim, or one may be in the making. */
  private void killSuccessors(long shim) {
    kill(shim);
    Await.until(
        "no shim is left",
        SOON,
        () -> {
          node.berth().shim().ifPresent(other -> kill(other.pid()));
          return node.berth().shim().isEmpty();
        });
  }

  private String killStub(Fault fault) {
    Optional<StubProcess> stub = pickStub(fault);
    stub.ifPresent(victim -> {
      orphans.beforeStubDies(victim);
      kill(victim.pid());
    });
    return stub.map(StubProcess::toString).orElse("no stub");
  }

  private Optional<StubProcess> pickStub(Fault fault) {
    List<StubProcess> stubs = StubProcess.of(node.berth());
    return stubs.isEmpty() ? Optional.empty() : Optional.of(stubs.get(fault.pick() % stubs.size()));
  }

  private String stopStub(Fault fault) {
    Optional<StubProcess> stub = pickStub(fault);
    return stub.map(victim -> stop(fault, victim.toString(), victim.pid())).orElse("no stub");
  }

  /** The successor finds a third of all stubs silent. */
  private String killShimBesideStoppedStubs(Fault fault) {
    List<Long> stubs =
        StubProcess.of(node.berth()).stream()
            .map(StubProcess::pid)
            .filter(pid -> pid % 3 == fault.pick() % 3)
            .toList();
    stubs.forEach(pid -> Signal.send("STOP", pid));
    try {
      String shim = killShim();
      Pauses.of(fault.hold());
      return shim + ", stubs " + stubs;
    } finally {
      stubs.forEach(pid -> Signal.send("CONT", pid));
    }
  }

  /** Everything is to be listed while the shim is silent. */
  private String killBerthdBesideStoppedShim(Fault fault) throws IOException {
    long shim = awaitShim();
    Signal.send("STOP", shim);
    try {
      String berthd = killBerthd(fault);
      Pauses.of(fault.hold());
      return berthd + ", shim " + shim;
    } finally {
      Signal.send("CONT", shim);
    }
  }

  /** One that is stopped, or meets a full disk, is refused; then the old shim goes on. */
  private String upgradeShim() {
    return node.berth().berth("shim", "upgrade").stdout();
  }

  private String stop(Fault fault, String what, long pid) {
    Signal.send("STOP", pid);
    Pauses.of(fault.hold());
    Signal.send("CONT", pid);
    return what + " " + pid;
  }

  /** The plugin goes on after the trap, and gets the signal while it works. */
  private String trap(Fault fault, String signal, String before) throws IOException {
    String delay = "0.0%02d".formatted(fault.pick() % 30);
    node.trapPlugin(
        before + "( sleep " + delay + "; kill -" + signal + " $$ ) </dev/null >/dev/null 2>&1 &");
    return "the next plugin, " + signal + " after " + delay + " s";
  }

  private String slowPlugin(Fault fault) throws IOException {
    node.trapPlugin("sleep 0." + fault.hold().toMillis() % 10);
    return "the next plugin";
  }

  private String killRegistry(Fault fault) throws IOException {
    long pid = node.registry().pid();
    node.registry().kill();
    Pauses.of(fault.hold());
    node.registry().start();
    return "registry " + pid;
  }

  private String fillDisk(Fault fault) throws IOException {
    node.disk().leave(0);
    Pauses.of(fault.hold());
    node.disk().empty();
    return "disk";
  }

  /** The successor of a killed one may not be there yet. */
  private long awaitShim() {
    Await.until("a shim serves", SOON, () -> node.berth().shim().isPresent());
    return node.berth().shim().map(ProcessHandle::pid).orElseGet(this::awaitShim);
  }

  private static void kill(long pid) {
    ProcessHandle.of(pid)
        .ifPresent(process -> {
          process.destroyForcibly();
          Await.until("process " + pid + " has ended", SOON, () -> !process.isAlive());
        });
  }

  private void restart(Fault fault) throws IOException {
    long start = System.nanoTime();
    node.berth().start();
    checkLists(fault);
    ledger.restarted(Duration.ofNanos(System.nanoTime() - start));
  }

  private void checkLists(Fault fault) {
    Set<String> pods = ledger.podsUp();
    Set<String> containers = ledger.containersRunning();
    Set<String> ready = persistence.insist("ListPodSandbox", this::readyPods);
    Set<String> running = persistence.insist("ListContainers", this::runningContainers);
    pods.stream()
        .filter(pod -> !ready.contains(pod) && ledger.podsUp().contains(pod))
        .forEach(pod ->
            ledger.broken(Promise.NOTHING_UNLISTED, "pod " + pod + " is not ready: " + fault));
    containers.stream()
        .filter(id -> !running.contains(id) && ledger.containersRunning().contains(id))
        .forEach(id -> ledger.broken(Promise.NO_LOST_CONTAINER, id + " does not run: " + fault));
    ledger.count("pods looked for in lists", pods.size());
  }

  private Set<String> readyPods() {
    var all = node.berth().runtime().listPodSandbox(ListPodSandboxRequest.getDefaultInstance());
    return all.getItemsList().stream()
        .filter(pod -> pod.getState() == PodSandboxState.SANDBOX_READY)
        .map(pod -> pod.getId())
        .collect(Collectors.toCollection(ConcurrentHashMap::newKeySet));
  }

  private Set<String> runningContainers() {
    var all = node.berth().runtime().listContainers(ListContainersRequest.getDefaultInstance());
    return all.getContainersList().stream()
        .filter(container -> container.getState() == ContainerState.CONTAINER_RUNNING)
        .map(container -> container.getId())
        .collect(Collectors.toCollection(ConcurrentHashMap::newKeySet));
  }
}
