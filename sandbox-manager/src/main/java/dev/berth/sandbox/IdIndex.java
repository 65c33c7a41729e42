package dev.berth.sandbox;

import static dev.berth.base.BerthException.Kind.NOT_FOUND;

import dev.berth.base.BerthException;
import dev.berth.base.Ids;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;

/**
 * Objects by id, found by the whole id or by a prefix that no other has. Thread-safe.
 *
 * @param <T> sandboxes or containers
 */
final class IdIndex<T> {
  private final ConcurrentMap<String, T> objects = new ConcurrentHashMap<>();
  private final String kind;

  /**
   * @param kind what is kept, for errors: {@code "container"}
   */
  IdIndex(String kind) {
    this.kind = kind;
  }

  void put(String id, T object) {
    objects.put(id, object);
  }

  void remove(String id) {
    objects.remove(id);
  }

  List<T> all() {
    return List.copyOf(objects.values());
  }

  Optional<T> find(String idOrPrefix) {
    T exact = objects.get(idOrPrefix);
    if (exact != null) {
      return Optional.of(exact);
    }
    if (idOrPrefix.isEmpty()) {
      return Optional.empty();
    }
    List<T> matches =
        objects.entrySet().stream()
            .filter(entry -> entry.getKey().startsWith(idOrPrefix))
            .map(entry -> entry.getValue())
            .toList();
    return matches.size() == 1 ? Optional.of(matches.getFirst()) : Optional.empty();
  }

  /**
   * Like {@link #find}, but must succeed.
   *
   * @throws BerthException NOT_FOUND naming what was looked for
   */
  T require(String idOrPrefix) {
    return find(idOrPrefix)
        .orElseThrow(() ->
            new BerthException(
                NOT_FOUND, "no " + kind + " with id \"" + Ids.printable(idOrPrefix) + "\""));
  }
}
