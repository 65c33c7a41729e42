package dev.berth.runtime.spec;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Gives absent fields their one form: empty collections, empty required and null optional text. */
final class Absent {
  private Absent() {}

  static <T> List<T> list(@Nullable List<T> list) {
    return list == null ? List.of() : List.copyOf(list);
  }

  /** Copies in the given order, which a printed spec keeps. */
  static <V> Map<String, V> map(@Nullable Map<String, V> map) {
    return map == null ? Map.of() : Collections.unmodifiableMap(new LinkedHashMap<>(map));
  }

  static String required(@Nullable String text) {
    return text == null ? "" : text;
  }

  /** The reference implementations read an empty optional text as an absent one; so do we. */
  static @Nullable String text(@Nullable String text) {
    return text == null || text.isEmpty() ? null : text;
  }
}
