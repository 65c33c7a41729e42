package dev.berth.cri.service;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.berth.proto.cri.v1.LinuxContainerResources;
import dev.berth.proto.cri.v1.LinuxPodSandboxConfig;
import dev.berth.sandbox.ContainerState.Running;
import dev.berth.sandbox.ContainerStatus;
import dev.berth.sandbox.SandboxStatus;
import dev.berth.sandbox.UsageGaps;

/**
 * The JSON that {@code crictl inspect} and {@code inspectp} print beside a status. Its members are
 * named as containerd names them, because tools read them.
 */
final class VerboseInfo {
  private static final Gson GSON = new GsonBuilder().disableHtmlEscaping().create();

  private VerboseInfo() {}

  static String of(SandboxStatus sandbox) {
    var info = new JsonObject();
    info.addProperty("runtimeHandler", sandbox.runtimeHandler());
    info.addProperty("netNamespace", sandbox.networkNamespace());
    info.addProperty("netNamespaceClosed", !sandbox.isReady());
    if (!sandbox.cniResult().isEmpty()) {
      JsonElement result = JsonParser.parseString(sandbox.cniResult());
      info.add("cniResult", result);
    }
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

  static String of(ContainerStatus container) {
    var info = new JsonObject();
    info.addProperty("sandboxID", container.sandboxId());
    info.addProperty("pid", container.state() instanceof Running running ? running.pid() : 0);
    info.addProperty("snapshotKey", container.snapshotKey());
    info.addProperty("snapshotter", "overlay");
    return GSON.toJson(info);
  }
}
