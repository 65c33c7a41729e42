package dev.berth.image.oci;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What an image may say about how it is run (rule R13): these fields and nothing else. Labels are
 * data for humans and tools; Berth never interprets one.
 *
 * @param env {@code NAME=value} entries, in the image's order
 * @param user user and group by name or number, {@code uid[:gid]}; empty for root
 * @param workingDir absolute path or empty
 * @param volumes paths that want an empty directory
 * @param stopSignal a name or number; null for SIGTERM
 */
public record ImageConfig(
    List<String> entrypoint,
    List<String> cmd,
    List<String> env,
    String user,
    String workingDir,
    List<String> volumes,
    @Nullable String stopSignal,
    Map<String, String> labels) {
  public ImageConfig {
    entrypoint = List.copyOf(entrypoint);
    cmd = List.copyOf(cmd);
    env = List.copyOf(env);
    volumes = List.copyOf(volumes);
    labels = Map.copyOf(labels);
  }
}
