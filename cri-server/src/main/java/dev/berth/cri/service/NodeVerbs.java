package dev.berth.cri.service;

import com.google.gson.Gson;
import dev.berth.base.Operation;
import dev.berth.cri.config.BerthConfig;
import dev.berth.proto.cri.v1.LinuxRuntimeConfiguration;
import dev.berth.proto.cri.v1.RuntimeCondition;
import dev.berth.proto.cri.v1.RuntimeConfigRequest;
import dev.berth.proto.cri.v1.RuntimeConfigResponse;
import dev.berth.proto.cri.v1.RuntimeFeatures;
import dev.berth.proto.cri.v1.RuntimeHandler;
import dev.berth.proto.cri.v1.RuntimeHandlerFeatures;
import dev.berth.proto.cri.v1.RuntimeStatus;
import dev.berth.proto.cri.v1.StatusRequest;
import dev.berth.proto.cri.v1.StatusResponse;
import dev.berth.proto.cri.v1.UpdateRuntimeConfigRequest;
import dev.berth.proto.cri.v1.UpdateRuntimeConfigResponse;
import dev.berth.proto.cri.v1.VersionRequest;
import dev.berth.proto.cri.v1.VersionResponse;
import dev.berth.sandbox.NetworkSettings;
import dev.berth.sandbox.NetworkStatus;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** What the runtime says of itself: Version, Status and RuntimeConfig. */
public final class NodeVerbs {
  /** The version of the kubelet's protocol: it refuses to start with any other answer. */
  private static final String KUBELET_API_VERSION = "0.1.0";

  private final BerthConfig config;
  private final String version;
  private final Supplier<NetworkStatus> network;
  private final BooleanSupplier userNamespaces;
  private final Supplier<Map<String, String>> quarantined;

  /**
   * Makes the verbs.
   *
   * @param version of Berth, as {@code 1.2.3}
   * @param network tells whether pods can get a network now
   * @param userNamespaces tells whether pods can have user namespaces here
   * @param quarantined returns the records that were set aside because they cannot be read
   */
  public NodeVerbs(
      BerthConfig config,
      String version,
      Supplier<NetworkStatus> network,
      BooleanSupplier userNamespaces,
      Supplier<Map<String, String>> quarantined) {
    this.config = config;
    this.version = version;
    this.network = network;
    this.userNamespaces = userNamespaces;
    this.quarantined = quarantined;
  }

  VersionResponse version(VersionRequest request, Operation operation) {
    return VersionResponse.newBuilder()
        .setVersion(KUBELET_API_VERSION)
        .setRuntimeName("berth")
        .setRuntimeVersion(version)
        .setRuntimeApiVersion("v1")
        .build();
  }

  StatusResponse status(StatusRequest request, Operation operation) {
    NetworkStatus now = network.get();
    var reply =
        StatusResponse.newBuilder()
            .setStatus(
                RuntimeStatus.newBuilder()
                    .addConditions(condition("RuntimeReady", true, "", ""))
                    .addConditions(
                        condition("NetworkReady", now.isReady(), now.reason(), now.message())))
            .setFeatures(
                RuntimeFeatures.newBuilder()
                    .setSupplementalGroupsPolicy(true)
                    .setUserNamespacesHostNetwork(userNamespaces.getAsBoolean()))
            .addRuntimeHandlers( // the kubelet looks the default up by this name
                handler("", config.handlers().get(config.defaultHandler())));
    new TreeMap<>(config.handlers())
        .forEach((name, handler) -> reply.addRuntimeHandlers(handler(name, handler)));
    if (request.getVerbose()) {
      reply.putInfo("config", configJson());
      reply.putInfo("cniconfig", cniConfigJson());
      reply.putInfo("lastCNILoadStatus", now.isReady() ? "OK" : now.message());
      reply.putInfo("quarantine", new Gson().toJson(quarantined.get()));
    }
    return reply.build();
  }

  RuntimeConfigResponse runtimeConfig(RuntimeConfigRequest request, Operation operation) {
    var driver =
        switch (config.cgroupDriver()) {
          case CGROUPFS -> dev.berth.proto.cri.v1.CgroupDriver.CGROUPFS;
          case SYSTEMD -> dev.berth.proto.cri.v1.CgroupDriver.SYSTEMD;
        };
    return RuntimeConfigResponse.newBuilder()
        .setLinux(LinuxRuntimeConfiguration.newBuilder().setCgroupDriver(driver))
        .build();
  }

  /**
   * The pods' address range, which the kubelet tells when the node gets one. CNI configurations
   * have their own: there is nothing to do.
   */
  UpdateRuntimeConfigResponse updateRuntimeConfig(
      UpdateRuntimeConfigRequest request, Operation operation) {
    return UpdateRuntimeConfigResponse.getDefaultInstance();
  }

  private static RuntimeCondition condition(
      String type, boolean status, String reason, String message) {
    return RuntimeCondition.newBuilder()
        .setType(type)
        .setStatus(status)
        .setReason(reason)
        .setMessage(message)
        .build();
  }

  /** What others' shims can do is not known here. */
  private RuntimeHandler handler(
      String name, dev.berth.cri.config.@Nullable RuntimeHandler handler) {
    boolean own = handler != null && handler.isOwn();
    return RuntimeHandler.newBuilder()
        .setName(name)
        .setFeatures(
            RuntimeHandlerFeatures.newBuilder()
                .setRecursiveReadOnlyMounts(own)
                .setUserNamespaces(own && userNamespaces.getAsBoolean()))
        .build();
  }

  /** critest reads {@code stateDir} to learn which file system the state is on. */
  private String configJson() {
    Map<String, String> shown = new TreeMap<>();
    shown.put("rootDir", config.root().toString());
    shown.put("stateDir", config.state().toString());
    shown.put("instance", config.instance());
    shown.put("defaultHandler", config.defaultHandler());
    shown.put("cniConfDir", config.network().cniConfDir().toString());
    shown.put("cgroupDriver", config.cgroupDriver().toString());
    return new Gson().toJson(shown);
  }

  /** With the members that containerd has. */
  private String cniConfigJson() {
    NetworkSettings network = config.network();
    Map<String, Object> shown = new TreeMap<>();
    shown.put("PluginDirs", network.cni().binDirs().stream().map(Path::toString).toList());
    shown.put("PluginConfDir", network.cniConfDir().toString());
    shown.put("PluginMaxConfNum", network.cni().maxNetworks());
    shown.put("Prefix", "eth");
    return new Gson().toJson(shown);
  }
}
