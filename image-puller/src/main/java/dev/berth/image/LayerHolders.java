package dev.berth.image;

import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Counts who holds which layer. Not thread-safe: {@link Layers} guards it. */
final class LayerHolders {
  private final Map<String, List<LayerHolder>> byKey = new HashMap<>();

  void add(Collection<String> keys, LayerHolder holder) {
    keys.forEach(key -> byKey.computeIfAbsent(key, _ -> new ArrayList<>(1)).add(holder));
  }

  void remove(String key, LayerHolder holder) {
    byKey.computeIfPresent(
        key,
        (_, holders) -> {
          holders.remove(holder); // one of them, if it holds it more than once
          return holders.isEmpty() ? null : holders;
        });
  }

  List<LayerHolder> of(String key) {
    return List.copyOf(byKey.getOrDefault(key, List.of()));
  }

  boolean isHeld(String key) {
    return byKey.containsKey(key);
  }

  /** Whether a directory of this layer may be mounted or read right now. */
  boolean isInUse(String key) {
    return of(key).stream().anyMatch(holder -> holder.kind() != LayerHolder.Kind.IMAGE);
  }
}
