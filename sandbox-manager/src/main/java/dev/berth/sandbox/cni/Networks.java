package dev.berth.sandbox.cni;

import static dev.berth.base.BerthException.Kind.FAILED_PRECONDITION;
import static dev.berth.base.BerthException.Kind.INTERNAL;

import dev.berth.base.BerthException;
import dev.berth.base.Operation;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/**
 * Attaches sandboxes to the pod network and detaches them, by calling the plugins of a network
 * configuration.
 *
 * <p>Thread-safe; the caller sees to it that there is one call at a time for one sandbox. The
 * configuration and the result of an attachment are kept by the caller: {@link #detach} needs those
 * the sandbox was attached with, not those of today.
 */
public final class Networks {
  private final NetworkConfigLoader loader;
  private final PluginFinder plugins;
  private final Path directory;
  private final Duration pluginTimeout;

  /**
   * Creates the networks of one configuration directory. Reads nothing yet.
   *
   * @param confDir directory of network configurations
   * @param binDirs directories of plugins, in order of search
   * @param pluginTimeout how long one plugin may run before it is killed
   */
  public Networks(Path confDir, List<Path> binDirs, Duration pluginTimeout) {
    this.directory = confDir;
    this.loader = new NetworkConfigLoader(confDir);
    this.plugins = new PluginFinder(binDirs);
    this.pluginTimeout = pluginTimeout;
  }

  /** Tells whether there is a configuration, good or bad. */
  public boolean isConfigured() {
    return loader.isConfigured();
  }

  /**
   * Returns the network that pods are attached to now.
   *
   * @throws BerthException FAILED_PRECONDITION if none is configured, INVALID_ARGUMENT naming the
   *     file if the first one is bad
   */
  public NetworkConfig current() {
    return find()
        .orElseThrow(() ->
            new BerthException(
                FAILED_PRECONDITION, "no CNI network configuration in " + directory));
  }

  /** Like {@link #current}, but empty if no network is configured. */
  public Optional<NetworkConfig> find() {
    Optional<NetworkConfig> network = loader.load();
    network.ifPresent(config -> config.plugins().forEach(plugin -> findProgram(config, plugin)));
    return network;
  }

  /**
   * Calls ADD of every plugin, in order, each with the result of the one before.
   *
   * <p>After a failure the network may be attached in part: the caller must {@link #detach} it.
   *
   * @return the last plugin's result
   * @throws BerthException naming the plugin and the configuration file
   */
  public CniResult attach(NetworkConfig network, Attachment attachment, Operation operation) {
    CniResult result = CniResult.NONE;
    for (PluginConfig plugin : network.plugins()) {
      operation.check();
      CniCall call = new CniCall(CniCommand.ADD, attachment, plugins.path());
      String output = run(network, plugin, call, result, operation);
      if (!output.isBlank()) {
        result = result(describe(network, plugin, call) + ": output", output);
      }
    }
    return result;
  }

  /** What a plugin prints is not the caller's mistake. */
  private static CniResult result(String source, String output) {
    try {
      return new CniResult(Json.parseObject(source, output));
    } catch (BerthException e) {
      throw new BerthException(INTERNAL, String.valueOf(e.getMessage()), e);
    }
  }

  /**
   * Calls DEL of every plugin, in reverse order. Repeatable, and right for what was never attached;
   * the attachment may have lost its namespace.
   *
   * <p>A plugin that fails does not keep the others from being called.
   *
   * @param result what {@link #attach} returned, or {@link CniResult#NONE} if that is not known
   * @throws BerthException the first failure
   */
  public void detach(
      NetworkConfig network, Attachment attachment, CniResult result, Operation operation) {
    CniCall call = new CniCall(CniCommand.DEL, attachment, plugins.path());
    BerthException failure = null;
    for (PluginConfig plugin : network.plugins().reversed()) {
      try {
        run(network, plugin, call, result, operation);
      } catch (BerthException e) {
        if (failure == null) {
          failure = e;
        } else {
          failure.addSuppressed(e);
        }
      }
    }
    if (failure != null) {
      throw failure;
    }
  }

  private String run(
      NetworkConfig network,
      PluginConfig plugin,
      CniCall call,
      CniResult previous,
      Operation operation) {
    String what = describe(network, plugin, call);
    String request =
        plugin.request(network, call.attachment().capabilityArgs(), previous).toString();
    try {
      var outcome =
          PluginProcess.run(
              findProgram(network, plugin), call.environment(), request, pluginTimeout, operation);
      if (!outcome.succeeded()) {
        throw PluginException.of(what, outcome);
      }
      return outcome.stdout();
    } catch (PluginProcess.TimedOut e) {
      throw PluginException.timeout(what, e);
    }
  }

  private Path findProgram(NetworkConfig network, PluginConfig plugin) {
    try {
      return plugins.find(plugin.type());
    } catch (BerthException e) {
      throw e.during(network.source());
    }
  }

  private static String describe(NetworkConfig network, PluginConfig plugin, CniCall call) {
    return "CNI " + call.command() + " of plugin " + plugin.type() + " (" + network.source() + ")";
  }
}
