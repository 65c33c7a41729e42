package dev.berth.sandbox;

import dev.berth.sandbox.cni.CniSettings;
import dev.berth.sandbox.net.BridgeSettings;
import java.nio.file.Path;
import java.util.Map;

/**
 * What pods are attached to.
 *
 * @param cniConfDir directory of CNI network configurations
 * @param handlerConfDirs such directories for the pods of some runtime handlers, by its name
 * @param cni how plugins are called
 * @param bridge Berth's own network
 */
public record NetworkSettings(
    Mode mode,
    Path cniConfDir,
    Map<String, Path> handlerConfDirs,
    CniSettings cni,
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
    handlerConfDirs = Map.copyOf(handlerConfDirs);
  }
}
