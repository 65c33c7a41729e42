package dev.berth.sandbox.cni;

import static dev.berth.base.BerthException.Kind.FAILED_PRECONDITION;
import static dev.berth.base.BerthException.Kind.INTERNAL;
import static java.lang.System.Logger.Level.WARNING;

import com.google.gson.JsonObject;
import dev.berth.base.BerthException;
import dev.berth.base.Operation;
import java.nio.file.Path;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;

/**
 * Attaches sandboxes to pod networks and detaches them, by calling the plugins of a network
 * configuration.
 *
 * <p>Thread-safe; the caller sees to it that there is one call at a time for one sandbox. The
 * configuration and the result of an attachment are kept by the caller: {@link #detach} needs those
 * the sandbox was attached with, not those of today.
 */
public final class Networks {
  private static final System.Logger LOG = System.getLogger(Networks.class.getName());

  private final NetworkConfigLoader loader;
  private final PluginFinder plugins;
  private final Path directory;
  private final CniSettings settings;
  private final ResultCache cache;

  /**
   * Creates the networks of one configuration directory. Reads nothing yet; the directory is read
   * whenever a network is asked for, so that changes count at once.
   *
   * @param confDir directory of network configurations
   */
  public Networks(Path confDir, CniSettings settings) {
    this.directory = confDir;
    this.loader = new NetworkConfigLoader(confDir, settings.maxNetworks());
    this.plugins = new PluginFinder(settings.binDirs());
    this.settings = settings;
    this.cache = new ResultCache(settings.cacheDir());
  }

  /** Tells whether there is a configuration, good or bad. */
  public boolean isConfigured() {
    return loader.isConfigured();
  }

  /**
   * Returns the networks that pods are attached to now, at least one; the first has the pod's
   * addresses.
   *
   * @throws BerthException FAILED_PRECONDITION if none is configured, or naming the file that is
   *     bad
   */
  public List<NetworkConfig> current() {
    List<NetworkConfig> networks = find();
    if (networks.isEmpty()) {
      throw new BerthException(FAILED_PRECONDITION, "no CNI network configuration in " + directory);
    }
    return networks;
  }

  /**
   * Finds the networks that pods are attached to now; none if none is configured.
   *
   * @throws BerthException FAILED_PRECONDITION naming the file that is bad or whose plugin is
   *     missing
   */
  public List<NetworkConfig> find() {
    List<NetworkConfig> networks = loader.load();
    networks.forEach(config -> config.plugins().forEach(plugin -> findProgram(config, plugin)));
    return networks;
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
    CniCall call = call(CniCommand.ADD, attachment);
    CniResult result = CniResult.NONE;
    for (PluginConfig plugin : network.plugins()) {
      operation.check();
      JsonObject request = plugin.request(network, attachment.capabilityArgs(), result);
      String output = run(network, plugin, call, request, operation);
      if (!output.isBlank()) {
        result = result(describe(network, plugin, call) + ": output", output);
      }
    }
    cache.write(network, attachment, result);
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
    CniCall call = call(CniCommand.DEL, attachment);
    BerthException failure = null;
    for (PluginConfig plugin : network.plugins().reversed()) {
      try {
        JsonObject request = plugin.request(network, attachment.capabilityArgs(), result);
        run(network, plugin, call, request, operation);
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
    cache.remove(network, attachment);
  }

  /**
   * Asks every plugin whether a sandbox is still attached as it was told; nothing is asked of a
   * network that does not have or want it.
   *
   * @throws BerthException of the first that says no
   */
  public void check(
      NetworkConfig network, Attachment attachment, CniResult result, Operation operation) {
    if (!network.allows(CniCommand.CHECK)) {
      return;
    }
    CniCall call = call(CniCommand.CHECK, attachment);
    for (PluginConfig plugin : network.plugins()) {
      JsonObject request = plugin.request(network, attachment.capabilityArgs(), result);
      run(network, plugin, call, request, operation);
    }
  }

  /**
   * Asks every plugin whether sandboxes can be attached; those of networks before version 1.1
   * cannot be asked.
   *
   * @throws BerthException of the first that says no
   */
  public void requireAvailable(NetworkConfig network, Operation operation) {
    if (!network.allows(CniCommand.STATUS)) {
      return;
    }
    CniCall call = new CniCall(CniCommand.STATUS, Optional.empty(), plugins.path());
    for (PluginConfig plugin : network.plugins()) {
      run(network, plugin, call, plugin.request(network), operation);
    }
  }

  /**
   * Lets a network remove what belongs to no attachment. No other call for it may be under way.
   *
   * <p>What other programs have attached to a network of the same name, as far as they have left
   * results where libcni does, is as valid as what is ours. A plugin that fails is reported, and
   * the others are called all the same.
   *
   * @param valid all attachments that are known
   * @param isOurs tells by a network namespace's path whether it was ours
   */
  public void collectGarbage(
      NetworkConfig network,
      Collection<AttachmentId> valid,
      Predicate<String> isOurs,
      Operation operation) {
    Set<AttachmentId> all = new HashSet<>(valid);
    for (ResultCache.Entry entry : cache.of(network)) {
      if (!isOurs.test(entry.attachment().netns())) {
        all.add(entry.id());
      } else if (!all.contains(entry.id())) {
        detachForgotten(entry, operation);
      }
    }
    if (!network.allows(CniCommand.GC)) {
      return;
    }
    CniCall call = new CniCall(CniCommand.GC, Optional.empty(), plugins.path());
    for (PluginConfig plugin : network.plugins()) {
      try {
        run(network, plugin, call, plugin.garbageRequest(network, all), operation);
      } catch (BerthException e) {
        LOG.log(WARNING, e.getMessage(), e);
      }
    }
  }

  private void detachForgotten(ResultCache.Entry entry, Operation operation) {
    try {
      LOG.log(WARNING, "nobody knows of " + entry.file() + ": its attachment is removed");
      detach(entry.network(), entry.attachment().withoutNetns(), entry.result(), operation);
    } catch (BerthException e) {
      LOG.log(WARNING, e.getMessage(), e);
    }
  }

  /**
   * An attachment that libcni's cache tells of.
   *
   * @param file of the cache
   * @param netns path of the network namespace
   */
  public record Cached(Path file, String containerId, String netns) {}

  /** Returns what the cache tells of, of whatever network and by whomever it was attached. */
  public List<Cached> cached() {
    return cache.all();
  }

  private CniCall call(CniCommand command, Attachment attachment) {
    return new CniCall(command, Optional.of(attachment), plugins.path());
  }

  private String run(
      NetworkConfig network,
      PluginConfig plugin,
      CniCall call,
      JsonObject request,
      Operation operation) {
    String what = describe(network, plugin, call);
    try {
      var outcome =
          PluginProcess.run(
              findProgram(network, plugin),
              call.environment(),
              request.toString(),
              settings.pluginTimeout(),
              operation);
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
