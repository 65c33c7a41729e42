package dev.berth.sandbox;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import dev.berth.base.BerthException;
import dev.berth.base.Ids;
import dev.berth.base.Operation;
import dev.berth.proto.cri.v1.DNSConfig;
import dev.berth.proto.cri.v1.PodSandboxConfig;
import dev.berth.proto.cri.v1.PortMapping;
import dev.berth.proto.cri.v1.Protocol;
import dev.berth.sandbox.cni.Attachment;
import dev.berth.sandbox.cni.CniArgs;
import dev.berth.sandbox.cni.CniResult;
import dev.berth.sandbox.cni.NetworkConfig;
import dev.berth.sandbox.cni.Networks;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;

/** Attaches sandboxes through CNI plugins: says in CNI's terms what CRI says of a sandbox. */
final class CniPodNetwork {
  private static final String INTERFACE = "eth0";

  private final Networks networks;
  private final PodPaths paths;
  private final PodNamespaces namespaces;

  CniPodNetwork(Networks networks, PodPaths paths, PodNamespaces namespaces) {
    this.networks = networks;
    this.paths = paths;
    this.namespaces = namespaces;
  }

  /** Tells whether there is any configuration, good or bad. */
  boolean isConfigured() {
    return networks.isConfigured();
  }

  /** Returns the configuration that a new sandbox will be attached with, for its record. */
  String choose() {
    return networks.current().toJson();
  }

  /** Checks what CRI says of the network. */
  static void check(PodSandboxConfig config) {
    capabilityArgs(config);
  }

  /** Tells whether pods can be attached now. */
  NetworkStatus status() {
    try {
      return networks
          .find()
          .map(_ -> NetworkStatus.READY)
          .orElseGet(() -> NetworkStatus.notReady("no CNI network configuration found"));
    } catch (BerthException e) {
      return NetworkStatus.notReady(String.valueOf(e.getMessage()));
    }
  }

  /** Attaches a sandbox. After a failure it must be {@linkplain #detach detached} all the same. */
  PodNetwork.Attached attach(SandboxRecord sandbox, Operation operation) {
    NetworkConfig network = NetworkConfig.fromJson(sandbox.networkConfig());
    CniResult result = networks.attach(network, attachment(sandbox), operation);
    return new PodNetwork.Attached(result.toJson(), result.addresses(INTERFACE));
  }

  /** Detaches a sandbox. Repeatable, also when its namespace or the result are lost. */
  void detach(SandboxRecord sandbox, Operation operation) {
    Attachment attachment = attachment(sandbox);
    networks.detach(
        NetworkConfig.fromJson(sandbox.networkConfig()),
        namespaces.areAlive(sandbox.id(), sandbox.config())
            ? attachment
            : attachment.withoutNetns(),
        CniResult.fromJson(sandbox.cniResult()),
        operation);
  }

  private Attachment attachment(SandboxRecord sandbox) {
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
        sandbox.id(), netns.toString(), INTERFACE, args, capabilityArgs(sandbox.config()));
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
