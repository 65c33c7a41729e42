package dev.berth.sandbox;

import static dev.berth.base.BerthException.Kind.ALREADY_EXISTS;

import dev.berth.base.BerthException;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;

/**
 * Names and the ids that have them. Thread-safe.
 *
 * @param <N> a name; its text goes into the error
 */
final class Names<N> {
  private final ConcurrentMap<N, String> owners = new ConcurrentHashMap<>();
  private final String kind;

  /**
   * @param kind what is named, for the error: {@code "container"}
   */
  Names(String kind) {
    this.kind = kind;
  }

  /**
   * Gives a name to an id; again to the same one is no error.
   *
   * @throws BerthException ALREADY_EXISTS naming the id that has it
   */
  void reserve(N name, String id) {
    String owner = owners.putIfAbsent(name, id);
    if (owner != null && !owner.equals(id)) {
      throw new BerthException(
          ALREADY_EXISTS, kind + " name " + name + " is taken by " + kind + " " + owner);
    }
  }

  /** Returns the names that are taken, with the ids that have them. */
  Map<N, String> owners() {
    return Map.copyOf(owners);
  }

  /** Frees a name if the id has it; idempotent. */
  void release(N name, String id) {
    owners.remove(name, id);
  }
}
