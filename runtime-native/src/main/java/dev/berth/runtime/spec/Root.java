package dev.berth.runtime.spec;

/**
 * The root file system of a container ({@code root}).
 *
 * @param path directory, absolute or relative to the bundle
 * @param readonly whether the container sees it read-only
 */
public record Root(String path, boolean readonly) {
  public Root {
    path = Absent.required(path);
  }
}
