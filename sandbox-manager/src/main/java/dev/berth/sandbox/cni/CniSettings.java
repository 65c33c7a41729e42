package dev.berth.sandbox.cni;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

/**
 * How plugins are called.
 *
 * @param binDirs directories of plugins, in order of search
 * @param cacheDir where results are left for other programs, as libcni does: {@code /var/lib/cni}
 * @param maxNetworks how many of the configured networks a pod is attached to
 * @param pluginTimeout how long one plugin may run before it is killed
 */
public record CniSettings(
    List<Path> binDirs, Path cacheDir, int maxNetworks, Duration pluginTimeout) {
  public CniSettings {
    binDirs = List.copyOf(binDirs);
  }
}
