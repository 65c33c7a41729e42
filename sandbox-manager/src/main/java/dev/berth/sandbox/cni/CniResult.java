package dev.berth.sandbox.cni;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import java.util.ArrayList;
import java.util.List;

/**
 * The result of a network: what the last plugin printed, unknown keys included.
 *
 * @param json the result object; without members if no plugin has answered
 */
public record CniResult(JsonObject json) {
  /** No result: nothing was attached yet, or it is not known any more. */
  public static final CniResult NONE = new CniResult(new JsonObject());

  public CniResult {
    json = json.deepCopy();
  }

  /** Reads a recorded result; an empty text is {@link #NONE}. */
  public static CniResult fromJson(String text) {
    return text.isEmpty() ? NONE : new CniResult(Json.parseObject("recorded CNI result", text));
  }

  /** Returns what {@link #fromJson} reads back. */
  public String toJson() {
    return isEmpty() ? "" : json.toString();
  }

  public boolean isEmpty() {
    return json.isEmpty();
  }

  JsonObject toRequest(String cniVersion) {
    JsonObject previous = json.deepCopy();
    previous.addProperty("cniVersion", cniVersion);
    return previous;
  }

  /**
   * Returns the addresses of the pod's interface, IPv4 before IPv6, otherwise in the plugins'
   * order.
   *
   * @param ifName name of the interface inside the sandbox
   */
  public List<String> addresses(String ifName) {
    List<String> addresses = new ArrayList<>();
    for (JsonElement ip : array(json, "ips")) {
      if (ip instanceof JsonObject entry && belongsTo(entry, ifName)) {
        addresses.add(withoutPrefixLength(Json.string(entry, "address")));
      }
    }
    for (String family : List.of("ip4", "ip6")) { // results before version 0.3.0
      if (json.get(family) instanceof JsonObject entry) {
        addresses.add(withoutPrefixLength(Json.string(entry, "ip")));
      }
    }
    addresses.removeIf(String::isEmpty);
    addresses.sort((a, b) -> Boolean.compare(isIpv6(a), isIpv6(b)));
    return List.copyOf(addresses);
  }

  /** An address without an interface belongs to the pod: there is only one it could be on. */
  private boolean belongsTo(JsonObject ip, String ifName) {
    if (!(ip.get("interface") instanceof JsonPrimitive index)) {
      return true;
    }
    JsonArray interfaces = array(json, "interfaces");
    int number = index.getAsInt();
    return number >= 0
        && number < interfaces.size()
        && interfaces.get(number) instanceof JsonObject link
        && Json.string(link, "name").equals(ifName)
        && !Json.string(link, "sandbox").isEmpty();
  }

  private static JsonArray array(JsonObject object, String key) {
    return object.get(key) instanceof JsonArray array ? array : new JsonArray();
  }

  private static boolean isIpv6(String address) {
    return address.indexOf(':') >= 0;
  }

  private static String withoutPrefixLength(String address) {
    int slash = address.indexOf('/');
    return slash < 0 ? address : address.substring(0, slash);
  }
}
