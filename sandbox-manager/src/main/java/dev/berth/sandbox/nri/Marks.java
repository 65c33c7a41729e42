package dev.berth.sandbox.nri;

/** A dash before a name, path or key asks for its removal. */
final class Marks {
  private static final String REMOVAL = "-";

  private Marks() {}

  static boolean isRemoval(String key) {
    return key.startsWith(REMOVAL);
  }

  /** Returns the name without the dash, if it has one. */
  static String name(String key) {
    return isRemoval(key) ? key.substring(REMOVAL.length()) : key;
  }

  static String removal(String name) {
    return REMOVAL + name;
  }
}
