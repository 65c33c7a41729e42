package dev.berth.runtime.spec;

import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;
import static dev.berth.base.BerthException.Kind.UNIMPLEMENTED;

import dev.berth.base.BerthException;
import dev.berth.base.Ids;
import org.jspecify.annotations.Nullable;

/** The path of a field, and the errors about it. */
record Field(String document, String path) {
  static Field of(String document) {
    return new Field(document, "");
  }

  Field child(String name) {
    return new Field(document, path.isEmpty() ? name : path + "." + name);
  }

  Field element(int index) {
    return new Field(document, path + "[" + index + "]");
  }

  /** A value of a map, by its key; the key comes from outside and is made printable. */
  Field entry(String key) {
    return new Field(document, path + "[\"" + Ids.printable(key) + "\"]");
  }

  BerthException refuse(String why) {
    return new BerthException(INVALID_ARGUMENT, this + ": " + why);
  }

  void require(boolean condition, String why) {
    if (!condition) {
      throw refuse(why);
    }
  }

  /** Quotes a value that comes from outside for an error. */
  static String quoted(String value) {
    return "\"" + Ids.printable(value) + "\"";
  }

  void requireAbsolute(String value) {
    require(ContainerPaths.isAbsolute(value), "must be an absolute path, not " + quoted(value));
  }

  void requireRange(long value, long low, long high) {
    require(
        value >= low && value <= high, "must be from " + low + " to " + high + ", not " + value);
  }

  /** Says that the runtime does not do what the field asks for. */
  BerthException unsupported(String why) {
    return new BerthException(UNIMPLEMENTED, this + ": " + why);
  }

  /** Refuses a field that the runtime would have to ignore. */
  void unsupportedIf(boolean present) {
    if (present) {
      throw unsupported("not supported by this runtime");
    }
  }

  void unsupportedIf(@Nullable Object value) {
    unsupportedIf(value != null);
  }

  @Override
  public String toString() {
    return path.isEmpty() ? document : document + ": " + path;
  }
}
