package dev.berth.sandbox.cni;

import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import dev.berth.base.BerthException;
import dev.berth.base.Ids;
import java.util.Collection;
import java.util.Map;

/**
 * One plugin of a network: its type and its configuration object, unknown keys included.
 *
 * @param type name of the plugin's program; a single path component (rule R11)
 */
record PluginConfig(String type, JsonObject conf) {
  PluginConfig {
    conf = conf.deepCopy();
  }

  static PluginConfig of(String source, JsonElement entry) {
    if (!entry.isJsonObject()) {
      throw new BerthException(INVALID_ARGUMENT, source + " is not an object");
    }
    JsonObject conf = entry.getAsJsonObject();
    String type = Json.requireString(source, conf, "type");
    return new PluginConfig(Ids.requireName(source + ": plugin \"type\"", type), conf);
  }

  /**
   * Returns what the plugin reads on stdin: its own object with the name and version of the
   * network, the previous result and what it is {@linkplain #runtimeConfig capable of}.
   */
  JsonObject request(NetworkConfig network, JsonObject capabilityArgs, CniResult previous) {
    JsonObject request = request(network);
    JsonObject runtimeConfig = runtimeConfig(capabilityArgs);
    if (!runtimeConfig.isEmpty()) {
      request.add("runtimeConfig", runtimeConfig);
    }
    if (!previous.isEmpty()) {
      request.add("prevResult", previous.toRequest(network.cniVersion()));
    }
    return request;
  }

  /** Returns what the plugin reads when it is asked of the network as a whole. */
  JsonObject request(NetworkConfig network) {
    JsonObject request = conf.deepCopy();
    request.remove("capabilities");
    request.addProperty("name", network.name());
    request.addProperty("cniVersion", network.cniVersion());
    return request;
  }

  /** Returns what the plugin reads when it is to remove all but the attachments that are valid. */
  JsonObject garbageRequest(NetworkConfig network, Collection<AttachmentId> valid) {
    JsonArray attachments = new JsonArray();
    for (AttachmentId one : valid) {
      JsonObject attachment = new JsonObject();
      attachment.addProperty("containerID", one.containerId());
      attachment.addProperty("ifname", one.ifName());
      attachments.add(attachment);
    }
    JsonObject request = request(network);
    request.add("cni.dev/valid-attachments", attachments);
    request.add("cni.dev/attachments", attachments); // what libcni says as well, by mistake
    return request;
  }

  /** Returns the arguments whose capability the plugin declares true. */
  private JsonObject runtimeConfig(JsonObject capabilityArgs) {
    JsonObject chosen = new JsonObject();
    for (Map.Entry<String, JsonElement> argument : capabilityArgs.entrySet()) {
      if (declares(argument.getKey())) {
        chosen.add(argument.getKey(), argument.getValue());
      }
    }
    return chosen;
  }

  private boolean declares(String capability) {
    return conf.get("capabilities") instanceof JsonObject capabilities
        && capabilities.get(capability) instanceof JsonPrimitive declared
        && declared.getAsBoolean();
  }
}
