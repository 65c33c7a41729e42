package dev.berth.sandbox.cni;

import static dev.berth.base.BerthException.Kind.INTERNAL;
import static java.lang.System.Logger.Level.WARNING;
import static java.nio.charset.StandardCharsets.UTF_8;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import dev.berth.base.AtomicFiles;
import dev.berth.base.BerthException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * The results of attachments in files of libcni's format, for plugins and programs that look there;
 * Berth itself goes by its records.
 *
 * <p>So a file that cannot be written or read is reported and changes nothing else.
 */
final class ResultCache {
  private static final System.Logger LOG = System.getLogger(ResultCache.class.getName());
  private static final String KIND = "cniCacheV1";

  private final Path directory;

  ResultCache(Path cacheDir) {
    this.directory = cacheDir.resolve("results");
  }

  /** An attachment that a file tells of; its own configuration is what undoes it. */
  record Entry(Path file, Attachment attachment, NetworkConfig network, CniResult result) {
    AttachmentId id() {
      return new AttachmentId(attachment.containerId(), attachment.ifName());
    }
  }

  private Path file(NetworkConfig network, Attachment attachment) {
    return directory.resolve(
        network.name() + "-" + attachment.containerId() + "-" + attachment.ifName());
  }

  void write(NetworkConfig network, Attachment attachment, CniResult result) {
    Path file = file(network, attachment);
    JsonObject entry = new JsonObject();
    entry.addProperty("kind", KIND);
    entry.addProperty("containerId", attachment.containerId());
    entry.addProperty(
        "config", Base64.getEncoder().encodeToString(network.toList().toString().getBytes(UTF_8)));
    entry.addProperty("ifName", attachment.ifName());
    entry.addProperty("networkName", network.name());
    entry.addProperty("netns", attachment.netns());
    entry.add("cniArgs", arguments(attachment.args()));
    entry.add("capabilityArgs", attachment.capabilityArgs());
    entry.add("result", result.toRequest(network.cniVersion()));
    try {
      AtomicFiles.createPrivateDirectories(directory);
      AtomicFiles.writeVolatile(file, entry.toString().getBytes(UTF_8));
    } catch (IOException | BerthException e) {
      LOG.log(WARNING, "cannot write " + file + ": " + e.getMessage(), e);
    }
  }

  private static JsonArray arguments(CniArgs args) {
    JsonArray pairs = new JsonArray();
    for (Map.Entry<String, String> pair : args.pairs().entrySet()) {
      JsonArray words = new JsonArray();
      words.add(pair.getKey());
      words.add(pair.getValue());
      pairs.add(words);
    }
    return pairs;
  }

  void remove(NetworkConfig network, Attachment attachment) {
    remove(file(network, attachment));
  }

  void remove(Path file) {
    try {
      Files.deleteIfExists(file);
    } catch (IOException e) {
      LOG.log(WARNING, "cannot delete " + file + ": " + e.getMessage(), e);
    }
  }

  /** Returns what is attached to a network, by whomever. */
  List<Entry> of(NetworkConfig network) {
    List<Entry> entries = new ArrayList<>();
    files().forEach(file -> read(file, network, entries));
    return entries;
  }

  /** Returns what is attached to any network, by whomever; what cannot be read is left out. */
  List<Networks.Cached> all() {
    return files().stream().flatMap(file -> attached(file).stream()).toList();
  }

  private static Optional<Networks.Cached> attached(Path file) {
    try {
      JsonObject entry = Json.parseObject(file.toString(), Files.readString(file));
      return Optional.of(
          new Networks.Cached(
              file, Json.string(entry, "containerId"), Json.string(entry, "netns")));
    } catch (IOException | BerthException e) {
      return Optional.empty(); // gone meanwhile, or none of ours: those can be read
    }
  }

  private List<Path> files() {
    if (!Files.isDirectory(directory)) {
      return List.of();
    }
    try (Stream<Path> files = Files.list(directory)) {
      return files.sorted().toList();
    } catch (IOException e) {
      LOG.log(WARNING, "cannot list " + directory + ": " + e.getMessage(), e);
      return List.of();
    }
  }

  private static void read(Path file, NetworkConfig network, List<Entry> into) {
    if (!file.getFileName().toString().startsWith(network.name() + "-")) {
      return;
    }
    try {
      JsonObject entry = Json.parseObject(file.toString(), Files.readString(file));
      if (!Json.string(entry, "kind").equals(KIND)
          || !Json.string(entry, "networkName").equals(network.name())) {
        return;
      }
      into.add(
          new Entry(
              file,
              new Attachment(
                  Json.string(entry, "containerId"),
                  Json.string(entry, "netns"),
                  Json.string(entry, "ifName"),
                  CniArgs.NONE,
                  object(entry, "capabilityArgs")),
              configOf(file, entry),
              new CniResult(object(entry, "result"))));
    } catch (IOException | BerthException e) {
      LOG.log(WARNING, "cannot read " + file + ": " + e.getMessage(), e);
    }
  }

  private static NetworkConfig configOf(Path file, JsonObject entry) {
    try {
      String config = new String(Base64.getDecoder().decode(Json.string(entry, "config")), UTF_8);
      return NetworkConfig.fromJson(config);
    } catch (IllegalArgumentException e) {
      throw new BerthException(INTERNAL, file + ": \"config\" is not base64", e);
    }
  }

  private static JsonObject object(JsonObject entry, String key) {
    return entry.get(key) instanceof JsonObject object ? object : new JsonObject();
  }
}
