package dev.berth.sandbox.cni;

import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import dev.berth.base.BerthException;
import dev.berth.base.Ids;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * A network configuration list: the plugins to call, in order, and what they share.
 *
 * @param source the file it came from, for errors
 * @param name name of the network, unique on the machine
 * @param cniVersion version of the protocol to speak with the plugins
 * @param disableCheck whether CHECK must not be called
 * @param disableGc whether GC must not be called
 * @param plugins at least one
 */
public record NetworkConfig(
    String source,
    String name,
    String cniVersion,
    boolean disableCheck,
    boolean disableGc,
    List<PluginConfig> plugins) {
  private static final Pattern NAME = Pattern.compile("[A-Za-z0-9][A-Za-z0-9_.-]*");

  public NetworkConfig {
    plugins = List.copyOf(plugins);
    if (!NAME.matcher(name).matches()) {
      throw new BerthException(
          INVALID_ARGUMENT,
          source
              + ": \"name\" must begin with a letter or digit and hold letters, digits, '_',"
              + " '.' or '-': \""
              + Ids.printable(name)
              + "\"");
    }
    if (plugins.isEmpty()) {
      throw new BerthException(INVALID_ARGUMENT, source + ": \"plugins\" is empty");
    }
    CniVersions.requireSupported(source, cniVersion);
  }

  /**
   * Reads a {@code .conflist}.
   *
   * @param more plugins that follow those of the list
   */
  static NetworkConfig ofList(String source, JsonObject list, List<PluginConfig> more) {
    List<PluginConfig> plugins = new ArrayList<>();
    for (JsonElement entry : pluginEntries(source, list)) {
      plugins.add(PluginConfig.of(source + ": plugins[" + plugins.size() + "]", entry));
    }
    plugins.addAll(more);
    return new NetworkConfig(
        source,
        Json.requireString(source, list, "name"),
        CniVersions.choose(source, list),
        flag(list, "disableCheck"),
        flag(list, "disableGC"),
        plugins);
  }

  /** The specification allows both true and "true". */
  private static boolean flag(JsonObject list, String key) {
    return Json.string(list, key).equals("true");
  }

  /**
   * Tells whether plugins may be called so: the version has it, and the configuration allows it.
   */
  boolean allows(CniCommand command) {
    boolean disabled =
        switch (command) {
          case ADD, DEL, STATUS -> false;
          case CHECK -> disableCheck;
          case GC -> disableGc;
        };
    return !disabled && CniVersions.isAtLeast(cniVersion, command.since());
  }

  private static JsonArray pluginEntries(String source, JsonObject list) {
    JsonElement entries = list.get("plugins");
    if (entries == null) {
      return new JsonArray();
    }
    if (!entries.isJsonArray()) {
      throw new BerthException(INVALID_ARGUMENT, source + ": \"plugins\" is not a list");
    }
    return entries.getAsJsonArray();
  }

  /** Wraps the single plugin of a {@code .conf} into a list, as the specification says. */
  static NetworkConfig ofPlugin(String source, JsonObject plugin) {
    if (plugin.has("plugins")) {
      throw new BerthException(
          INVALID_ARGUMENT, source + ": a list of plugins belongs into a file named .conflist");
    }
    return new NetworkConfig(
        source,
        Json.requireString(source, plugin, "name"),
        CniVersions.choose(source, plugin),
        false,
        false,
        List.of(PluginConfig.of(source, plugin)));
  }

  /** Returns the configuration as JSON that {@link #fromJson} reads back. */
  public String toJson() {
    JsonObject list = toList();
    list.addProperty("source", source);
    return list.toString();
  }

  /** Returns the configuration as it stands in a file. */
  JsonObject toList() {
    JsonArray entries = new JsonArray();
    plugins.forEach(plugin -> entries.add(plugin.conf()));
    JsonObject list = new JsonObject();
    list.addProperty("name", name);
    list.addProperty("cniVersion", cniVersion);
    if (disableCheck) {
      list.addProperty("disableCheck", true);
    }
    if (disableGc) {
      list.addProperty("disableGC", true);
    }
    list.add("plugins", entries);
    return list;
  }

  /** Reads what {@link #toJson} wrote. */
  public static NetworkConfig fromJson(String json) {
    JsonObject list = Json.parseObject("recorded network configuration", json);
    @Nullable JsonElement source = list.remove("source");
    return ofList(
        source == null ? "recorded network configuration" : source.getAsString(), list, List.of());
  }
}
