package dev.berth.sandbox.net;

import static java.lang.System.Logger.Level.WARNING;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.berth.base.Auditor;
import dev.berth.base.BerthException;
import dev.berth.runtime.kernel.Conntrack;
import dev.berth.runtime.kernel.EventLoop;
import dev.berth.runtime.kernel.Fd;
import dev.berth.runtime.kernel.Namespaces;
import dev.berth.runtime.kernel.NfTables;
import dev.berth.runtime.kernel.RtNetlink;
import dev.berth.sandbox.net.PodAddresses.PodAddress;
import java.net.InetAddress;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Berth's own pod network: attaches sandboxes to a bridge of the host and detaches them.
 *
 * <p>A pod's devices are never deleted: they go with its network namespace. The bridge and the
 * table of the packet filter are made with the first pod, and removed when this object is closed
 * with no pod left; a pod that runs on keeps them.
 *
 * <p>Thread-safe; the caller sees to it that there is one call at a time for one sandbox.
 */
public final class BridgeNetwork implements AutoCloseable {
  private static final System.Logger LOG = System.getLogger(BridgeNetwork.class.getName());
  private static final String INTERFACE = "eth0";
  private static final String DEVICE_PREFIX = "bp";

  private final BridgeSettings settings;
  private final HostNetwork host;
  private final HostBridge bridge;
  private final List<AddressPool> pools;

  @GuardedBy("this") private final Set<String> pods = new HashSet<>();

  @GuardedBy("this") private final Map<String, List<Redirect>> recorded = new HashMap<>();

  @GuardedBy("this") private @Nullable Made made;

  private volatile Optional<String> problem = Optional.empty();

  /** What exists once there are pods. */
  private record Made(int bridgeIndex, PacketFilter filter, EventLoop loop) {}

  /** Makes nothing yet. */
  public BridgeNetwork(BridgeSettings settings, HostNetwork host) {
    this.settings = usable(settings);
    this.host = host;
    this.bridge = new HostBridge(this.settings);
    this.pools = this.settings.subnets().stream().map(AddressPool::new).toList();
  }

  /** A kernel without IPv6 has pods without. */
  private static BridgeSettings usable(BridgeSettings settings) {
    if (KernelParameters.exists("ipv6")) {
      return settings;
    }
    List<Subnet> ipv4 = settings.subnets().stream().filter(Subnet::isIpv4).toList();
    return new BridgeSettings(settings.instance(), ipv4, settings.mtu(), settings.forward());
  }

  /** Returns why pods cannot be attached, as far as is known. */
  public Optional<String> problem() {
    return problem;
  }

  /**
   * Chooses the addresses of a sandbox, which are its own until {@link #release}.
   *
   * @throws BerthException RESOURCE_EXHAUSTED if none is left
   */
  public PodAddresses choose(String sandboxId) {
    return new PodAddresses(
        pools.stream()
            .map(pool ->
                new PodAddress(
                    pool.take(sandboxId), pool.subnet().prefixLength(), pool.subnet().gateway()))
            .toList());
  }

  /**
   * Takes note of a sandbox of an earlier process, before others are given addresses.
   *
   * @param ports that lead to it; none if it does not run any more
   */
  public synchronized void adopt(String sandboxId, PodAddresses addresses, List<HostPort> ports) {
    for (PodAddress one : addresses.addresses()) {
      pools.forEach(pool -> pool.adopt(one.address(), sandboxId));
    }
    pods.add(sandboxId);
    List<Redirect> redirects = redirects(addresses, ports);
    if (!redirects.isEmpty()) {
      recorded.put(sandboxId, redirects);
    }
  }

  /**
   * Puts back what the sandboxes of an earlier process need, if there are any: the bridge, and the
   * table with the ports of all of them.
   */
  public void restore() {
    synchronized (this) {
      if (pods.isEmpty() && !isLeftOver()) {
        return;
      }
    }
    make();
  }

  /** The bridge is there, though no pod is: an earlier process was killed. */
  private boolean isLeftOver() {
    try (RtNetlink links = host.call(RtNetlink::open)) {
      return links.findLink(settings.bridge()).isPresent();
    }
  }

  /**
   * Attaches a sandbox. After a failure it must be {@linkplain #detach detached} all the same.
   *
   * @param netns its network namespace, with loopback up; stays the caller's
   * @throws BerthException FAILED_PRECONDITION if one of the ports leads to another sandbox
   */
  public void attach(
      String sandboxId, Fd netns, PodAddresses addresses, List<HostPort> ports, RateLimits limits) {
    Made network = make();
    synchronized (this) {
      pods.add(sandboxId);
    }
    try (RtNetlink outside = host.call(RtNetlink::open)) {
      var pair =
          new RtNetlink.VethPair(
              deviceName(sandboxId),
              network.bridgeIndex,
              settings.mtu(),
              INTERFACE,
              addresses.mac(),
              netns);
      Namespaces.callInNetwork(
          netns,
          () -> {
            outside.addVethPair(pair);
            try (RtNetlink inside = RtNetlink.open()) {
              setUp(inside, addresses, limits.egress());
            }
            limit(outside, pair.name(), limits.ingress());
            return true;
          });
    }
    List<Redirect> redirects = redirects(addresses, ports);
    network.filter.add(sandboxId, redirects);
    forgetConnections(redirects);
  }

  /** Names the host's end after the sandbox. */
  static String deviceName(String sandboxId) {
    return DEVICE_PREFIX + sandboxId.substring(0, Math.min(12, sandboxId.length()));
  }

  /** Returns the beginning of the id of the sandbox that a device is named after. */
  static String ownerOf(String device) {
    return device.startsWith(DEVICE_PREFIX) ? device.substring(DEVICE_PREFIX.length()) : "";
  }

  /**
   * Returns what audits this network.
   *
   * @param recorded returns the pods that may be attached to it by their records
   */
  public List<Auditor> auditors(Supplier<List<NetworkedPod>> recorded) {
    return List.of(
        new LinkAuditor(host, settings, this::isMade, recorded),
        new AddressAuditor(pools, recorded),
        new TableAuditor(host, settings, this::isMade));
  }

  private synchronized boolean isMade() {
    return made != null;
  }

  private static void setUp(RtNetlink inside, PodAddresses pod, long egress) {
    int device = inside.link(INTERFACE).index();
    KernelParameters.trustNobodyOn(INTERFACE);
    List<RtNetlink.Address> addresses =
        pod.addresses().stream()
            .map(one -> new RtNetlink.Address(device, one.address(), one.prefixLength()))
            .toList();
    List<InetAddress> gateways = pod.addresses().stream().map(PodAddress::gateway).toList();
    inside.bringUp(device, addresses, gateways);
    limit(inside, INTERFACE, egress);
  }

  /**
   * What a device sends is what can be bounded: towards the pod the host's end, from it its own.
   */
  private static void limit(RtNetlink links, String device, long bitsPerSecond) {
    if (bitsPerSecond > 0) {
      TokenBucket bucket = TokenBucket.of(bitsPerSecond);
      links.limitRate(links.link(device).index(), bucket.bytesPerSecond(), bucket.burstBytes());
    }
  }

  /** UDP knows no end: who sends on would be led to where the port led before. */
  private void forgetConnections(List<Redirect> changed) {
    Set<Integer> ports =
        changed.stream()
            .map(Redirect::port)
            .filter(port -> port.protocol() == HostPort.Protocol.UDP)
            .map(HostPort::hostPort)
            .collect(Collectors.toSet());
    if (ports.isEmpty()) {
      return;
    }
    try (Conntrack connections = host.call(Conntrack::open)) {
      connections.forgetUdp(ports);
    } catch (BerthException e) {
      LOG.log(WARNING, "UDP connections to " + ports + " may go astray: " + e.getMessage(), e);
    }
  }

  private static List<Redirect> redirects(PodAddresses addresses, List<HostPort> ports) {
    return ports.stream().flatMap(port -> Redirect.of(port, addresses).stream()).toList();
  }

  /**
   * Ends the ports of a sandbox and gives its addresses back; its devices go with its namespace.
   * Idempotent, also for one that was never attached.
   */
  public void detach(String sandboxId) {
    Made network;
    synchronized (this) {
      network = made;
      recorded.remove(sandboxId);
    }
    if (network != null) {
      forgetConnections(network.filter.remove(sandboxId));
    }
    release(sandboxId);
  }

  /** Gives the addresses of a sandbox back that nothing was made for. Idempotent. */
  public void release(String sandboxId) {
    pools.forEach(pool -> pool.giveBack(sandboxId));
    synchronized (this) {
      pods.remove(sandboxId);
    }
  }

  /** Makes what all pods share, unless it is there. */
  private synchronized Made make() {
    Made existing = made;
    if (existing != null) {
      return existing;
    }
    try {
      Map<String, List<Redirect>> redirects = Map.copyOf(recorded);
      Made fresh = watched(host.call(this::makeInHost), redirects);
      made = fresh;
      problem = Optional.empty();
      return fresh;
    } catch (BerthException e) {
      problem = Optional.of("pod network: " + e.getMessage());
      throw e;
    }
  }

  /** What must be done by a thread that is there. */
  private record InHost(int bridgeIndex, NfTables tables) {}

  private InHost makeInHost() {
    try (RtNetlink links = RtNetlink.open()) {
      int index = bridge.setUp(links);
      return new InHost(index, NfTables.open());
    }
  }

  /** The loop's thread starts others, so it must not be one that has entered a namespace. */
  private Made watched(InHost there, Map<String, List<Redirect>> redirects) {
    EventLoop loop = EventLoop.start("pod-network");
    try {
      var filter = new PacketFilter(settings, there.tables(), redirects, loop);
      return new Made(there.bridgeIndex(), filter, loop);
    } catch (RuntimeException e) {
      loop.close();
      there.tables().close();
      throw e;
    }
  }

  /** Stops watching, and removes what pods share if there is no pod. Idempotent. */
  @Override
  public synchronized void close() {
    Made last = made;
    if (last == null) {
      return;
    }
    made = null;
    if (pods.isEmpty()) {
      removeShared(last);
    }
    last.filter.close();
    last.loop.close();
  }

  private void removeShared(Made last) {
    try (RtNetlink links = host.call(RtNetlink::open)) {
      last.filter.delete();
      bridge.remove(links);
    } catch (BerthException e) {
      LOG.log(WARNING, "cannot remove the pod network: " + e.getMessage(), e);
    }
  }
}
