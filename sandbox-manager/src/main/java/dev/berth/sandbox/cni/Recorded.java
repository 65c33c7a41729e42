package dev.berth.sandbox.cni;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonParser;
import java.util.ArrayList;
import java.util.List;

/** How networks and results stand in a sandbox's record: one as it is, several as a list. */
public final class Recorded {
  private Recorded() {}

  /** Returns what {@link #networks(String)} reads back. */
  public static String networks(List<NetworkConfig> networks) {
    return write(networks.stream().map(NetworkConfig::toJson).toList());
  }

  /** Reads the networks of a record, in the order of attaching. */
  public static List<NetworkConfig> networks(String text) {
    return read(text).stream().map(NetworkConfig::fromJson).toList();
  }

  /** Returns what {@link #results(String)} reads back. */
  public static String results(List<CniResult> results) {
    return write(results.stream().map(CniResult::toJson).toList());
  }

  /** Reads the results of a record, in the order of attaching; none from an empty text. */
  public static List<CniResult> results(String text) {
    return text.isEmpty() ? List.of() : read(text).stream().map(CniResult::fromJson).toList();
  }

  private static String write(List<String> objects) {
    return objects.size() == 1 ? objects.getFirst() : "[" + String.join(",", objects) + "]";
  }

  private static List<String> read(String text) {
    if (!text.startsWith("[")) {
      return List.of(text);
    }
    JsonArray list = JsonParser.parseString(text).getAsJsonArray();
    List<String> objects = new ArrayList<>();
    for (JsonElement element : list) {
      objects.add(element.toString());
    }
    return objects;
  }
}
