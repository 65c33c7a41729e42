package dev.berth.cri.service;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.berth.proto.cri.v1.LinuxContainerResources;
import dev.berth.proto.cri.v1.LinuxPodSandboxConfig;
import dev.berth.runtime.spec.RuntimeSpec;
import dev.berth.sandbox.ContainerDetails;
import dev.berth.sandbox.ContainerState.Running;
import dev.berth.sandbox.ContainerStatus;
import dev.berth.sandbox.SandboxDetails;
import dev.berth.sandbox.SandboxStatus;
import dev.berth.sandbox.UsageGaps;
import java.util.Optional;

/**
 * The JSON that {@code crictl inspect} and {@code inspectp} print beside a status. Its members are
 * named as containerd names them, because tools read them.
 */
final class VerboseInfo {
  private static final Gson GSON = new GsonBuilder().disableHtmlEscaping().create();

  private VerboseInfo() {}

  static String of(SandboxDetails details) {
    SandboxStatus sandbox = details.status();
    var info = new JsonObject();
    info.addProperty("pid", details.pid());
    info.addProperty("runtimeHandler", sandbox.runtimeHandler());
    info.addProperty("runtimeType", details.runtimeType());
    info.addProperty("netNamespace", sandbox.networkNamespace());
    info.addProperty("netNamespaceClosed", !sandbox.isReady());
    if (!sandbox.cniResult().isEmpty()) {
      JsonElement result = JsonParser.parseString(sandbox.cniResult());
      info.add("cniResult", result);
    }
    info.add("config", MessageJson.of(sandbox.config()));
    addRuntimeSpec(info, details.runtimeSpec());
    LinuxPodSandboxConfig linux = sandbox.config().getLinux();
    if (linux.hasOverhead()) {
      info.add("overhead", limits(linux.getOverhead()));
    }
    if (linux.hasResources()) {
      info.add("resources", limits(linux.getResources()));
    }
    return GSON.toJson(info);
  }

  /** What is left out of the lists of usage, and why. */
  static String of(UsageGaps gaps) {
    var leftOut = new JsonObject();
    gaps.reasons().forEach(leftOut::addProperty);
    var info = new JsonObject();
    info.add("leftOut", leftOut);
    info.addProperty("failedReadings", gaps.total());
    return GSON.toJson(info);
  }

  private static JsonObject limits(LinuxContainerResources limits) {
    var linux = new JsonObject();
    linux.addProperty("cpu_period", limits.getCpuPeriod());
    linux.addProperty("cpu_quota", limits.getCpuQuota());
    linux.addProperty("cpu_shares", limits.getCpuShares());
    linux.addProperty("memory_limit_in_bytes", limits.getMemoryLimitInBytes());
    var resources = new JsonObject();
    resources.add("linux", linux);
    return resources;
  }

  static String of(ContainerDetails details) {
    ContainerStatus container = details.status();
    var info = new JsonObject();
    info.addProperty("sandboxID", container.sandboxId());
    info.addProperty("pid", container.state() instanceof Running running ? running.pid() : 0);
    info.addProperty("snapshotKey", container.snapshotKey());
    info.addProperty("snapshotter", "overlay");
    info.addProperty("removing", details.isBeingRemoved());
    info.addProperty("runtimeType", details.runtimeType());
    info.add("config", MessageJson.of(container.config()));
    addRuntimeSpec(info, details.runtimeSpec());
    return GSON.toJson(info);
  }

  private static void addRuntimeSpec(JsonObject info, Optional<RuntimeSpec> spec) {
    spec.ifPresent(known ->
        info.add("runtimeSpec", JsonParser.parseString(new String(known.toJson(), UTF_8))));
  }
}
