package dev.berth.sandbox;

import dev.berth.sandbox.net.BridgeSettings;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

/**
 * What pods are attached to.
 *
 * @param cniConfDir directory of CNI network configurations
 * @param cniBinDirs directories of CNI plugins, in order of search
 * @param cniPluginTimeout how long one plugin may run before it is killed
 * @param bridge Berth's own network
 */
public record NetworkSettings(
    Mode mode,
    Path cniConfDir,
    List<Path> cniBinDirs,
    Duration cniPluginTimeout,
    BridgeSettings bridge) {
  /** Who attaches pods. */
  public enum Mode {
    /** CNI plugins where a network is configured, else Berth itself. */
    AUTO,
    /** CNI plugins; without a configuration the node is not ready. */
    CNI,
    /** Berth itself, whatever is configured. */
    OWN
  }

  public NetworkSettings {
    cniBinDirs = List.copyOf(cniBinDirs);
  }
}
