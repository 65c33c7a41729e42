package dev.berth.runtime.spec;

import java.util.ArrayDeque;
import java.util.Deque;

/** Lexical handling of paths inside a container; what they resolve to is up to openat2(2). */
public final class ContainerPaths {
  private ContainerPaths() {}

  static boolean isAbsolute(String path) {
    return path.startsWith("/");
  }

  /** Returns an absolute path without empty, {@code .} and {@code ..} components. */
  public static String clean(String path) {
    Deque<String> parts = new ArrayDeque<>();
    for (String part : path.split("/", -1)) {
      switch (part) {
        case "", "." -> {}
        case ".." -> parts.pollLast();
        default -> parts.addLast(part);
      }
    }
    return "/" + String.join("/", parts);
  }

  static boolean hasParentComponent(String path) {
    for (String part : path.split("/", -1)) {
      if (part.equals("..")) {
        return true;
      }
    }
    return false;
  }
}
