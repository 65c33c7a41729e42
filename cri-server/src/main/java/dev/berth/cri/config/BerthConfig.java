package dev.berth.cri.config;

import dev.berth.base.BerthException;
import dev.berth.base.LogLevel;
import dev.berth.image.StoreSettings;
import dev.berth.sandbox.CgroupDriver;
import dev.berth.sandbox.NetworkSettings;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The settings of one {@code berthd}, checked.
 *
 * @param root durable state, absolute
 * @param state volatile state, absolute
 * @param instance keeps host-global names of several {@code berthd} apart
 * @param socket path of the CRI socket, absolute
 * @param socketAccess who may open it
 * @param streaming where Exec, Attach and PortForward are served
 * @param hostsDir registry hosts, a directory of {@code HOST/hosts.toml}
 * @param dockerConfig credentials for pulls that bring none; empty for none
 * @param imageStore what is kept, pinned and accepted of images
 * @param network what pods are attached to
 * @param cdiSpecDirs where CDI devices are described, the least important directory first
 * @param cgroupParent absolute path within the cgroup hierarchies, or with systemd the name of a
 *     slice
 * @param cgroupDriver who makes cgroups
 * @param criu the program that checkpoints containers; empty to look for it in PATH
 * @param defaultHandler the handler of pods that name none; a key of {@code handlers}
 * @param handlers by name, never empty
 * @param nri where plugins connect; empty for none
 * @param anyMountNamespace run outside PID 1's mount namespace as well
 * @param logLevel what is logged
 */
public record BerthConfig(
    Path root,
    Path state,
    String instance,
    Path socket,
    SocketAccess socketAccess,
    StreamSettings streaming,
    Path hostsDir,
    Optional<Path> dockerConfig,
    StoreSettings imageStore,
    NetworkSettings network,
    List<Path> cdiSpecDirs,
    String cgroupParent,
    CgroupDriver cgroupDriver,
    Optional<Path> criu,
    String defaultHandler,
    Map<String, RuntimeHandler> handlers,
    Optional<NriAccess> nri,
    boolean anyMountNamespace,
    LogLevel logLevel) {
  /** Read when {@code --config} is not given, if it exists. */
  public static final Path DEFAULT_FILE = Path.of("/etc/berth/config.toml");

  public BerthConfig {
    cdiSpecDirs = List.copyOf(cdiSpecDirs);
    handlers = Map.copyOf(handlers);
  }

  /**
   * Reads the settings: defaults, overridden by the file, overridden by flags.
   *
   * @param arguments the command line of {@code berthd}
   * @throws BerthException INVALID_ARGUMENT naming the flag, or the file with line and column
   */
  public static BerthConfig load(List<String> arguments) {
    ConfigFlags flags = ConfigFlags.parse(arguments);
    return resolve(file(flags), flags);
  }

  private static ConfigFile file(ConfigFlags flags) {
    String named = flags.configFile();
    if (named != null) {
      return named.isEmpty() ? ConfigFile.NONE : ConfigFile.read(Path.of(named));
    }
    return Files.exists(DEFAULT_FILE) ? ConfigFile.read(DEFAULT_FILE) : ConfigFile.NONE;
  }

  static BerthConfig resolve(ConfigFile file, ConfigFlags flags) {
    Map<ConfigKey, ConfigValue> values = new EnumMap<>(ConfigKey.class);
    for (ConfigKey key : ConfigKey.values()) {
      values.put(key, key.defaultValue());
    }
    values.putAll(file.values());
    values.putAll(flags.values());
    Map<String, RuntimeHandler> handlers = new LinkedHashMap<>();
    handlers.put(RuntimeHandler.BERTH.name(), RuntimeHandler.BERTH);
    file.handlers().forEach(handler -> handlers.put(handler.name(), handler));
    return new ConfigChecks(values, handlers).checked();
  }
}
