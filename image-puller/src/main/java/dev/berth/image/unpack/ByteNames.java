package dev.berth.image.unpack;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;

import dev.berth.base.Ids;
import java.util.ArrayList;
import java.util.List;

/** File names as strings with one character per byte. */
public final class ByteNames {
  private ByteNames() {}

  /** Returns the name whose bytes are the UTF-8 of {@code text}. */
  public static String of(String text) {
    return new String(text.getBytes(UTF_8), ISO_8859_1);
  }

  /** Returns what a person reads, shortened and without control characters. */
  public static String readable(String name) {
    return Ids.printable(new String(name.getBytes(ISO_8859_1), UTF_8));
  }

  /** Splits a path at its slashes; empty and {@code .} components vanish, {@code ..} stays. */
  static List<String> components(String path) {
    List<String> components = new ArrayList<>();
    int start = 0;
    while (start <= path.length()) {
      int slash = path.indexOf('/', start);
      int end = slash < 0 ? path.length() : slash;
      String component = path.substring(start, end);
      if (!component.isEmpty() && !component.equals(".")) {
        components.add(component);
      }
      start = end + 1;
    }
    return components;
  }

  static String join(List<String> components) {
    return String.join("/", components);
  }
}
