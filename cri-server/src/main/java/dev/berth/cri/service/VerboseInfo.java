package dev.berth.cri.service;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.berth.sandbox.ContainerState.Running;
import dev.berth.sandbox.ContainerStatus;
import dev.berth.sandbox.SandboxStatus;

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
    return GSON.toJson(info);
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
