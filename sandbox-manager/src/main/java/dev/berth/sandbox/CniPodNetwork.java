package dev.berth.sandbox;

import static dev.berth.base.BerthException.Kind.FAILED_PRECONDITION;
import static java.lang.System.Logger.Level.WARNING;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import dev.berth.base.Auditor;
import dev.berth.base.BerthException;
import dev.berth.base.Ids;
import dev.berth.base.Operation;
import dev.berth.proto.cri.v1.DNSConfig;
import dev.berth.proto.cri.v1.PodSandboxConfig;
import dev.berth.proto.cri.v1.PortMapping;
import dev.berth.proto.cri.v1.Protocol;
import dev.berth.sandbox.cni.Attachment;
import dev.berth.sandbox.cni.AttachmentId;
import dev.berth.sandbox.cni.CniArgs;
import dev.berth.sandbox.cni.CniResult;
import dev.berth.sandbox.cni.NetworkConfig;
import dev.berth.sandbox.cni.Networks;
import dev.berth.sandbox.cni.Recorded;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;

/** Attaches sandboxes through CNI plugins: says in CNI's terms what CRI says of a sandbox. */
final class CniPodNetwork {
  private static final System.Logger LOG = System.getLogger(CniPodNetwork.class.getName());
  private static final String INTERFACE = "eth";

  private final Networks networks;
  private final Map<String, Networks> byHandler;
  private final PodPaths paths;
  private final PodNamespaces namespaces;
  private final NetworkAvailability availability;

  /**
   * @param networks what pods are attached to
   * @param byHandler what those of a runtime handler are attached to instead
   */
  CniPodNetwork(
      Networks networks,
      Map<String, Networks> byHandler,
      PodPaths paths,
      PodNamespaces namespaces) {
    this.networks = networks;
    this.byHandler = Map.copyOf(byHandler);
    this.paths = paths;
    this.namespaces = namespaces;
    this.availability = new NetworkAvailability(networks::requireAvailable);
  }

  /** Tells whether there is any configuration for pods of a handler, good or bad. */
  boolean isConfigured(String runtimeHandler) {
    return networksOf(runtimeHandler).isConfigured();
  }

  /** Returns the configurations that a new sandbox will be attached with, for its record. */
  String choose(String runtimeHandler) {
    return Recorded.networks(networksOf(runtimeHandler).current());
  }

  private Networks networksOf(String runtimeHandler) {
    return byHandler.getOrDefault(runtimeHandler, networks);
  }

  /** Checks what CRI says of the network. */
  static void check(PodSandboxConfig config) {
    capabilityArgs(config);
  }

  /** Tells whether pods of the default handler can be attached now. */
  NetworkStatus status() {
    try {
      List<NetworkConfig> found = networks.find();
      return found.isEmpty()
          ? NetworkStatus.notReady("no CNI network configuration found")
          : availability.of(found);
    } catch (BerthException e) {
      return NetworkStatus.notReady(String.valueOf(e.getMessage()));
    }
  }

  /** Attaches a sandbox. After a failure it must be {@linkplain #detach detached} all the same. */
  PodNetwork.Attached attach(SandboxRecord sandbox, Operation operation) {
    List<NetworkConfig> chosen = Recorded.networks(sandbox.networkConfig());
    List<CniResult> results = new ArrayList<>();
    for (NetworkConfig network : chosen) {
      Attachment attachment = attachment(sandbox, results.size());
      results.add(networks.attach(network, attachment, operation));
    }
    List<String> addresses = results.getFirst().addresses(INTERFACE + 0);
    if (addresses.isEmpty()) { // the kubelet would take the pod for lost, and make it anew for ever
      throw new BerthException(
          FAILED_PRECONDITION,
          "CNI network "
              + chosen.getFirst().name()
              + " ("
              + chosen.getFirst().source()
              + ") gave interface "
              + INTERFACE
              + "0 no address");
    }
    return new PodNetwork.Attached(Recorded.results(results), addresses);
  }

  /**
   * Detaches a sandbox from all of its networks, the last first. Repeatable, also when its
   * namespace or the results are lost.
   *
   * @throws BerthException the first failure, after all were tried
   */
  void detach(SandboxRecord sandbox, Operation operation) {
    List<NetworkConfig> chosen = Recorded.networks(sandbox.networkConfig());
    List<CniResult> results = Recorded.results(sandbox.cniResult());
    boolean alive = namespaces.areAlive(sandbox.id(), sandbox.config());
    BerthException failure = null;
    for (int i = chosen.size() - 1; i >= 0; i--) {
      Attachment attachment = attachment(sandbox, i);
      try {
        networks.detach(
            chosen.get(i),
            alive ? attachment : attachment.withoutNetns(),
            i < results.size() ? results.get(i) : CniResult.NONE,
            operation);
      } catch (BerthException e) {
        if (failure == null) {
          failure = e;
        } else {
          failure.addSuppressed(e);
        }
      }
    }
    if (failure != null) {
      throw failure;
    }
  }

  /**
   * Asks the plugins whether a sandbox is attached as it was.
   *
   * @throws BerthException of the first that says no
   */
  void check(SandboxRecord sandbox, Operation operation) {
    List<NetworkConfig> chosen = Recorded.networks(sandbox.networkConfig());
    List<CniResult> results = Recorded.results(sandbox.cniResult());
    for (int i = 0; i < Math.min(chosen.size(), results.size()); i++) {
      networks.check(chosen.get(i), attachment(sandbox, i), results.get(i), operation);
    }
  }

  /**
   * Lets the networks that are configured now remove what belongs to no sandbox. No sandbox may be
   * attached or detached meanwhile.
   *
   * @param sandboxes all that may be attached
   */
  void collectGarbage(List<SandboxRecord> sandboxes, Operation operation) {
    List<AttachmentId> valid = new ArrayList<>();
    for (SandboxRecord sandbox : sandboxes) {
      int count = Recorded.networks(sandbox.networkConfig()).size();
      for (int i = 0; i < count; i++) {
        valid.add(new AttachmentId(sandbox.id(), INTERFACE + i));
      }
    }
    Set<NetworkConfig> configured = new LinkedHashSet<>();
    Stream.concat(Stream.of(networks), byHandler.values().stream())
        .forEach(one -> configured.addAll(readable(one)));
    String ours = paths.state().toString() + "/";
    configured.forEach(network ->
        networks.collectGarbage(network, valid, netns -> netns.startsWith(ours), operation));
  }

  /** Returns what audits the attachments by plugins. */
  Auditor auditor(RecordView records) {
    List<Networks> all = Stream.concat(Stream.of(networks), byHandler.values().stream()).toList();
    return new CniResultAuditor(all, paths, records);
  }

  /** Stops asking plugins; what is attached stays. Idempotent. */
  void close() {
    availability.close();
  }

  private static List<NetworkConfig> readable(Networks networks) {
    try {
      return networks.find();
    } catch (BerthException e) {
      LOG.log(WARNING, "CNI GC: " + e.getMessage(), e); // the node is not ready until it is mended
      return List.of();
    }
  }

  private Attachment attachment(SandboxRecord sandbox, int number) {
    SandboxName name = sandbox.name();
    Path netns = paths.namespaces(sandbox.id()).resolve("net");
    CniArgs args =
        CniArgs.NONE
            .with("IgnoreUnknown", "1")
            .with("K8S_POD_NAMESPACE", name.namespace())
            .with("K8S_POD_NAME", name.name())
            .with("K8S_POD_INFRA_CONTAINER_ID", sandbox.id())
            .with("K8S_POD_UID", name.uid());
    return new Attachment(
        sandbox.id(), netns.toString(), INTERFACE + number, args, capabilityArgs(sandbox.config()));
  }

  private static JsonObject capabilityArgs(PodSandboxConfig config) {
    JsonObject arguments = new JsonObject();
    JsonArray mappings = new JsonArray();
    config.getPortMappingsList().stream()
        .filter(mapping -> mapping.getHostPort() != 0)
        .map(CniPodNetwork::portMapping)
        .forEach(mappings::add);
    addUnlessEmpty(arguments, "portMappings", mappings);
    addUnlessEmpty(arguments, "bandwidth", Bandwidth.of(config.getAnnotationsMap()));
    if (config.hasDnsConfig()) {
      arguments.add("dns", dns(config.getDnsConfig()));
    }
    if (!config.getLinux().getCgroupParent().isEmpty()) {
      arguments.addProperty("cgroupPath", config.getLinux().getCgroupParent());
    }
    JsonObject annotations = new JsonObject();
    config.getAnnotationsMap().forEach(annotations::addProperty);
    addUnlessEmpty(arguments, "io.kubernetes.cri.pod-annotations", annotations);
    return arguments;
  }

  private static JsonObject portMapping(PortMapping mapping) {
    JsonObject json = new JsonObject();
    json.addProperty("hostPort", requirePort("host_port", mapping.getHostPort()));
    json.addProperty("containerPort", requirePort("container_port", mapping.getContainerPort()));
    json.addProperty("protocol", protocol(mapping.getProtocol()));
    if (!mapping.getHostIp().isEmpty()) {
      json.addProperty("hostIP", requireAddress(mapping.getHostIp()));
    }
    return json;
  }

  private static int requirePort(String field, int port) {
    if (port < 1 || port > 65535) {
      throw new BerthException(
          BerthException.Kind.INVALID_ARGUMENT,
          "port_mappings: " + field + " " + port + " is not between 1 and 65535");
    }
    return port;
  }

  private static String requireAddress(String address) {
    if (!address.matches("[0-9A-Fa-f.:]+")) {
      throw new BerthException(
          BerthException.Kind.INVALID_ARGUMENT,
          "port_mappings: host_ip \"" + Ids.printable(address) + "\" is not an address");
    }
    return address;
  }

  private static String protocol(Protocol protocol) {
    return switch (protocol) {
      case TCP, UDP, SCTP -> protocol.name().toLowerCase(Locale.ROOT);
      case UNRECOGNIZED ->
          throw new BerthException(
              BerthException.Kind.INVALID_ARGUMENT, "port_mappings: unknown protocol");
    };
  }

  private static JsonObject dns(DNSConfig dns) {
    JsonObject json = new JsonObject();
    json.add("servers", array(dns.getServersList()));
    json.add("searches", array(dns.getSearchesList()));
    json.add("options", array(dns.getOptionsList()));
    return json;
  }

  private static JsonArray array(List<String> values) {
    JsonArray array = new JsonArray();
    values.forEach(array::add);
    return array;
  }

  private static void addUnlessEmpty(JsonObject arguments, String name, JsonElement value) {
    boolean empty =
        value.isJsonArray() ? value.getAsJsonArray().isEmpty() : value.getAsJsonObject().isEmpty();
    if (!empty) {
      arguments.add(name, value);
    }
  }
}
