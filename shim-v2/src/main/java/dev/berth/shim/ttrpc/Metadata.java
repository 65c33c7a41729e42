package dev.berth.shim.ttrpc;

import dev.berth.proto.shim.ttrpc.KeyValue;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Pairs that travel beside a request, such as the namespace or the trace of the caller.
 *
 * @param values by key; keys are lower case
 */
public record Metadata(Map<String, String> values) {
  /** The key under which containerd's clients name the namespace. */
  public static final String NAMESPACE = "containerd-namespace-ttrpc";

  /** W3C trace context. */
  public static final String TRACEPARENT = "traceparent";

  /** No pairs. */
  public static final Metadata NONE = new Metadata(Map.of());

  /** Copies the map and lowers the keys. */
  public Metadata {
    Map<String, String> copy = new LinkedHashMap<>();
    values.forEach((key, value) -> copy.put(key.toLowerCase(Locale.ROOT), value));
    values = Map.copyOf(copy);
  }

  /** Returns these pairs and one more; an earlier value of the key is replaced. */
  public Metadata with(String key, String value) {
    Map<String, String> copy = new LinkedHashMap<>(values);
    copy.put(key, value);
    return new Metadata(copy);
  }

  List<KeyValue> toWire() {
    return values.entrySet().stream()
        .map(e -> KeyValue.newBuilder().setKey(e.getKey()).setValue(e.getValue()).build())
        .toList();
  }

  /** A key may be repeated on the wire; the last value stands. */
  static Metadata fromWire(List<KeyValue> pairs) {
    Map<String, String> values = new LinkedHashMap<>();
    pairs.forEach(pair -> values.put(pair.getKey(), pair.getValue()));
    return values.isEmpty() ? NONE : new Metadata(values);
  }
}
