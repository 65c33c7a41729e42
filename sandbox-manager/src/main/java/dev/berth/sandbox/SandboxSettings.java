package dev.berth.sandbox;

import dev.berth.base.BerthException;
import dev.berth.sandbox.nri.NriSettings;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The settings of a {@link SandboxManager}.
 *
 * @param root durable directory, usually below /var/lib; records and containers' writable state
 * @param state volatile directory, usually below /run; bundles, pins, sandbox files
 * @param instance name that keeps several instances on one machine apart; it becomes part of every
 *     name that is global to the host, and the namespace of the shims
 * @param handlers runtime handlers by name
 * @param defaultHandler name of the handler for an empty runtime handler
 * @param network what pods are attached to
 * @param cdiSpecDirs directories of CDI spec files, the least important first
 * @param cgroupDriver who makes the cgroups of containers
 * @param defaultCgroupParent cgroup that containers of a sandbox without a cgroup parent go below:
 *     an absolute path within the cgroup hierarchies, or with systemd the name of a slice
 * @param logWriter absolute path of berth-init, which writes the CRI logs and is the pause of pods
 *     that share a pid namespace
 * @param criu absolute path of the program that checkpoints; empty to look for it in PATH. A shim
 *     that runs keeps the one it was started with
 * @param initialRecoveryTimeout how long one shim may take to answer when it is adopted; then it is
 *     asked again
 * @param nri where plugins connect; empty for none
 */
public record SandboxSettings(
    Path root,
    Path state,
    String instance,
    Map<String, RuntimeHandler> handlers,
    String defaultHandler,
    NetworkSettings network,
    List<Path> cdiSpecDirs,
    CgroupDriver cgroupDriver,
    String defaultCgroupParent,
    Path logWriter,
    Optional<Path> criu,
    Duration initialRecoveryTimeout,
    Optional<NriSettings> nri) {
  public SandboxSettings {
    handlers = Map.copyOf(handlers);
    cdiSpecDirs = List.copyOf(cdiSpecDirs);
    if (!handlers.containsKey(defaultHandler)) {
      throw new BerthException(
          BerthException.Kind.INVALID_ARGUMENT,
          "default runtime handler \""
              + defaultHandler
              + "\" is not among the handlers "
              + handlers.keySet());
    }
  }
}
