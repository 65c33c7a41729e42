package dev.berth.image;

import java.util.List;

/**
 * A mount in the form that containerd's shims take it.
 *
 * @param type file system, {@code overlay} or {@code bind}
 * @param source {@code overlay}, or the directory of a bind
 * @param options as in mount(8)
 */
public record MountSpec(String type, String source, List<String> options) {
  public MountSpec {
    options = List.copyOf(options);
  }
}
