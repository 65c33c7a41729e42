package dev.berth.sandbox.net;

import static dev.berth.base.BerthException.Kind.INTERNAL;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import dev.berth.base.BerthException;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;

/**
 * What a pod has on Berth's own network: the part of it that is recorded before it is made.
 *
 * @param addresses one per subnet, IPv4 first
 */
public record PodAddresses(List<PodAddress> addresses) {
  private static final String KEY = "berthNetwork";

  /** As other runtimes do, so that no two pods' hardware addresses can be the same. */
  private static final byte[] MAC_PREFIX = {0x0a, 0x58};

  /**
   * An address of a pod.
   *
   * @param gateway of the bridge, by which it reaches everything else
   */
  public record PodAddress(InetAddress address, int prefixLength, InetAddress gateway) {}

  public PodAddresses {
    addresses = List.copyOf(addresses);
  }

  /** Tells whether a record was written by {@link #toJson}. */
  public static boolean isRecordedIn(String json) {
    return json.startsWith("{\"" + KEY + "\"");
  }

  /** Returns what {@link #fromJson} reads back. */
  public String toJson() {
    JsonArray list = new JsonArray();
    for (PodAddress one : addresses) {
      JsonObject entry = new JsonObject();
      entry.addProperty("address", one.address.getHostAddress());
      entry.addProperty("prefixLength", one.prefixLength);
      entry.addProperty("gateway", one.gateway.getHostAddress());
      list.add(entry);
    }
    JsonObject record = new JsonObject();
    record.add(KEY, list);
    return record.toString();
  }

  /** Reads what {@link #toJson} wrote. */
  public static PodAddresses fromJson(String json) {
    try {
      List<PodAddress> addresses = new ArrayList<>();
      for (JsonElement entry : JsonParser.parseString(json).getAsJsonObject().getAsJsonArray(KEY)) {
        JsonObject one = entry.getAsJsonObject();
        addresses.add(
            new PodAddress(
                InetAddress.ofLiteral(one.get("address").getAsString()),
                one.get("prefixLength").getAsInt(),
                InetAddress.ofLiteral(one.get("gateway").getAsString())));
      }
      return new PodAddresses(addresses);
    } catch (JsonParseException | IllegalArgumentException | IllegalStateException e) {
      throw new BerthException(INTERNAL, "recorded pod addresses: " + e.getMessage(), e);
    }
  }

  /**
   * Returns what a CNI plugin would say of such an attachment, for tools that know only those.
   *
   * @param netns path of the pod's network namespace
   */
  public String toCniResult(String netns) {
    JsonObject device = new JsonObject();
    device.addProperty("name", "eth0");
    device.addProperty("mac", mac());
    device.addProperty("sandbox", netns);
    JsonArray devices = new JsonArray();
    devices.add(device);
    JsonArray ips = new JsonArray();
    for (PodAddress one : addresses) {
      JsonObject ip = new JsonObject();
      ip.addProperty("address", one.address.getHostAddress() + "/" + one.prefixLength);
      ip.addProperty("gateway", one.gateway.getHostAddress());
      ip.addProperty("interface", 0);
      ips.add(ip);
    }
    JsonObject result = new JsonObject();
    result.addProperty("cniVersion", "1.1.0");
    result.add("interfaces", devices);
    result.add("ips", ips);
    return result.toString();
  }

  /** Returns the addresses alone. */
  public List<String> texts() {
    return addresses.stream().map(one -> one.address.getHostAddress()).toList();
  }

  /** Returns the hardware address, made of the last four bytes of the first address. */
  String mac() {
    return mac(addresses.getFirst().address);
  }

  static String mac(InetAddress address) {
    byte[] bytes = address.getAddress();
    byte[] mac = new byte[6];
    System.arraycopy(MAC_PREFIX, 0, mac, 0, 2);
    System.arraycopy(bytes, bytes.length - 4, mac, 2, 4);
    return HexFormat.ofDelimiter(":").formatHex(mac);
  }
}
