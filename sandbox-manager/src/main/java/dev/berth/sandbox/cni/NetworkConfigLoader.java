package dev.berth.sandbox.cni;

import static dev.berth.base.BerthException.Kind.FAILED_PRECONDITION;
import static dev.berth.base.BerthException.Kind.INTERNAL;
import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;

import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import dev.berth.base.BerthException;
import dev.berth.base.Ids;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;

/**
 * Finds the networks that pods are attached to: the first files, by name, of the configuration
 * directory that end in {@code .conf}, {@code .conflist} or {@code .json}.
 *
 * <p>A bad file that comes first is an error and never skipped: a typing error must not move pods
 * to another network. The directory is read at every call, so changes count at once.
 */
final class NetworkConfigLoader {
  private static final Set<String> EXTENSIONS = Set.of("conf", "conflist", "json");
  private static final int MAX_FILE_BYTES = 1 << 20;

  private final Path directory;

  private final int maxNetworks;

  NetworkConfigLoader(Path directory, int maxNetworks) {
    this.directory = directory;
    this.maxNetworks = maxNetworks;
  }

  /** Tells whether there is any file of configuration. */
  boolean isConfigured() {
    return !files(directory, EXTENSIONS).isEmpty();
  }

  /**
   * Returns the networks; none if the directory is missing or holds no configuration.
   *
   * @throws BerthException FAILED_PRECONDITION naming the file that is bad: whoever wants a pod has
   *     not written it
   */
  List<NetworkConfig> load() {
    return files(directory, EXTENSIONS).stream().limit(maxNetworks).map(this::read).toList();
  }

  private NetworkConfig read(Path file) {
    try {
      return parse(file);
    } catch (BerthException e) {
      throw new BerthException(FAILED_PRECONDITION, String.valueOf(e.getMessage()), e);
    } catch (IllegalStateException | UnsupportedOperationException e) { // of another JSON type
      throw new BerthException(FAILED_PRECONDITION, file + ": " + e.getMessage(), e);
    }
  }

  private NetworkConfig parse(Path file) {
    String source = file.toString();
    JsonObject json = Json.parseObject(source, text(file));
    if (!extension(file).equals("conflist")) {
      return NetworkConfig.ofPlugin(source, json);
    }
    boolean onlyInlined =
        !(json.get("loadOnlyInlinedPlugins") instanceof JsonPrimitive flag) || flag.getAsBoolean();
    if (onlyInlined) {
      return NetworkConfig.ofList(source, json, List.of());
    }
    return withPluginFiles(source, json);
  }

  /** Appends the plugins of {@code <directory>/<network name>/*.conf}. */
  private NetworkConfig withPluginFiles(String source, JsonObject list) {
    List<PluginConfig> more = new ArrayList<>();
    String name = Ids.requireName(source + ": \"name\"", Json.requireString(source, list, "name"));
    for (Path file : files(directory.resolve(name), Set.of("conf"))) {
      more.add(PluginConfig.of(file.toString(), Json.parseObject(file.toString(), text(file))));
    }
    return NetworkConfig.ofList(source, list, more);
  }

  private static List<Path> files(Path directory, Set<String> extensions) {
    try (Stream<Path> entries = Files.list(directory)) {
      return entries
          .filter(file -> extensions.contains(extension(file)) && Files.isRegularFile(file))
          .sorted()
          .toList();
    } catch (NoSuchFileException e) {
      return List.of(); // a node without pod network: NetworkReady says so
    } catch (IOException e) {
      throw new BerthException(INTERNAL, "cannot list CNI directory " + directory + ": " + e, e);
    }
  }

  private static String text(Path file) {
    try (InputStream in = Files.newInputStream(file)) {
      byte[] bytes = in.readNBytes(MAX_FILE_BYTES + 1);
      if (bytes.length > MAX_FILE_BYTES) {
        throw new BerthException(
            INVALID_ARGUMENT, file + ": longer than " + MAX_FILE_BYTES + " bytes");
      }
      return new String(bytes, StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new BerthException(INTERNAL, "cannot read CNI configuration " + file + ": " + e, e);
    }
  }

  private static String extension(Path file) {
    String name = file.getFileName().toString();
    return name.substring(name.lastIndexOf('.') + 1);
  }
}
