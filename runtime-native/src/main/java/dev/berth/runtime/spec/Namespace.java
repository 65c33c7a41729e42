package dev.berth.runtime.spec;

import org.jspecify.annotations.Nullable;

/**
 * One entry of {@code linux.namespaces}.
 *
 * @param type {@code pid network mount ipc uts user cgroup time}
 * @param path namespace to join; absent for a new one
 */
public record Namespace(String type, @Nullable String path) {
  public Namespace {
    type = Absent.required(type);
    path = Absent.text(path);
  }

  /** Asks for a new namespace. */
  public static Namespace fresh(String type) {
    return new Namespace(type, null);
  }

  /** Asks to join the namespace that a file stands for. */
  public static Namespace join(String type, String path) {
    return new Namespace(type, path);
  }
}
