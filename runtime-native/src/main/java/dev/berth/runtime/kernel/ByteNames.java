package dev.berth.runtime.kernel;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;

import dev.berth.base.Ids;
import java.util.ArrayList;
import java.util.List;

/**
 * File names as strings with one character per byte: to the kernel a name is any bytes but NUL and
 * the slash, and what comes from an archive need not be UTF-8.
 */
public final class ByteNames {
  private static final byte[] NUL = {0};

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
  public static List<String> components(String path) {
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

  /** Joins components to a relative path; none give the empty one. */
  public static String join(List<String> components) {
    return String.join("/", components);
  }

  /**
   * Puts a name with its end into native memory and returns the address.
   *
   * @throws IllegalArgumentException if the name itself holds a NUL: the kernel would cut it there
   */
  static long put(NativeMemory memory, String name) {
    if (name.indexOf('\0') >= 0) {
      throw new IllegalArgumentException("NUL inside a name for the kernel");
    }
    byte[] bytes = name.getBytes(ISO_8859_1);
    memory.put(0, bytes).put(bytes.length, NUL);
    return memory.address();
  }
}
