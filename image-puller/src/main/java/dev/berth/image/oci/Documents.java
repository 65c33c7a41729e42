package dev.berth.image.oci;

import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;
import static dev.berth.base.BerthException.Kind.UNIMPLEMENTED;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonElement;
import com.google.gson.JsonParseException;
import com.google.gson.Strictness;
import com.google.gson.annotations.SerializedName;
import dev.berth.base.BerthException;
import dev.berth.base.Ids;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Parses manifests, indexes and configurations, strictly.
 *
 * <p>The caller has bounded the size (rule R10) and checked the digest over the raw bytes. Here the
 * Content-Type, the {@code mediaType} field and the shape must agree, so that no two readers can
 * take one document for different things (rule R19). All failures are INVALID_ARGUMENT and name the
 * field.
 */
public final class Documents {
  /** Largest manifest or index, in bytes. */
  public static final int MAX_MANIFEST_BYTES = 4 * 1024 * 1024;

  /** Largest configuration, in bytes. */
  public static final int MAX_CONFIG_BYTES = 8 * 1024 * 1024;

  /** Most layers of an image: what one overlay mount can stack. */
  public static final int MAX_LAYERS = 499;

  /** See image-spec, annotations.md. */
  private static final String TITLE = "org.opencontainers.image.title";

  private static final int MAX_INDEX_ENTRIES = 10_000;
  private static final Gson GSON =
      new GsonBuilder().setStrictness(Strictness.STRICT).disableHtmlEscaping().create();

  private Documents() {}

  private record PlatformJson(
      @Nullable String os, @Nullable String architecture, @Nullable String variant) {}

  private record DescriptorJson(
      @Nullable String mediaType,
      @Nullable String digest,
      @Nullable Long size,
      @Nullable PlatformJson platform,
      @Nullable Map<String, @Nullable String> annotations) {}

  private record ManifestJson(
      @Nullable Integer schemaVersion,
      @Nullable String mediaType,
      @Nullable DescriptorJson config,
      @Nullable List<@Nullable DescriptorJson> layers,
      @Nullable List<@Nullable DescriptorJson> manifests) {}

  private record RunJson(
      @SerializedName("Entrypoint") @Nullable List<@Nullable String> entrypoint,
      @SerializedName("Cmd") @Nullable List<@Nullable String> cmd,
      @SerializedName("Env") @Nullable List<@Nullable String> env,
      @SerializedName("User") @Nullable String user,
      @SerializedName("WorkingDir") @Nullable String workingDir,
      @SerializedName("Volumes") @Nullable Map<String, JsonElement> volumes,
      @SerializedName("StopSignal") @Nullable String stopSignal,
      @SerializedName("Labels") @Nullable Map<String, @Nullable String> labels) {}

  private record RootfsJson(
      @Nullable String type,
      @SerializedName("diff_ids") @Nullable List<@Nullable String> diffIds) {}

  private record ConfigJson(
      @Nullable String os,
      @Nullable String architecture,
      @Nullable String variant,
      @Nullable RunJson config,
      @Nullable RootfsJson rootfs) {}

  /**
   * Parses what a manifest URL answered.
   *
   * @param contentType the Content-Type header, null if there was none
   */
  public static Document parseManifest(byte[] raw, @Nullable String contentType) {
    ManifestJson json = parse("manifest", raw, ManifestJson.class);
    if (!Objects.equals(json.schemaVersion(), 2)) {
      throw new BerthException(
          UNIMPLEMENTED,
          "manifest: schemaVersion is " + json.schemaVersion() + ", only 2 is supported");
    }
    if ((json.layers() == null) == (json.manifests() == null)) {
      throw invalid("manifest: it must have either layers or manifests");
    }
    boolean index = json.manifests() != null;
    requireAgreement("mediaType field", json.mediaType(), index);
    requireAgreement(
        "Content-Type", contentType == null ? null : MediaTypes.bare(contentType), index);
    return index ? index(json) : manifest(json);
  }

  /** A type that names neither shape (text/plain, octet-stream) says nothing either way. */
  private static void requireAgreement(String what, @Nullable String type, boolean index) {
    if (type == null) {
      return;
    }
    if (index ? MediaTypes.isManifest(type) : MediaTypes.isIndex(type)) {
      throw invalid(
          "manifest: the "
              + what
              + " is "
              + type
              + " but it has "
              + (index ? "manifests" : "layers"));
    }
  }

  private static Index index(ManifestJson json) {
    List<@Nullable DescriptorJson> manifests = Objects.requireNonNull(json.manifests());
    if (manifests.size() > MAX_INDEX_ENTRIES) {
      throw invalid("manifest: more than " + MAX_INDEX_ENTRIES + " manifests");
    }
    return new Index(descriptors("manifests", manifests));
  }

  private static Manifest manifest(ManifestJson json) {
    List<@Nullable DescriptorJson> layers = Objects.requireNonNull(json.layers());
    if (layers.size() > MAX_LAYERS) {
      throw invalid(
          "manifest: " + layers.size() + " layers, at most " + MAX_LAYERS + " can be mounted");
    }
    return new Manifest(descriptor("config", json.config()), descriptors("layers", layers));
  }

  private static List<Descriptor> descriptors(
      String field, List<@Nullable DescriptorJson> entries) {
    var descriptors = new ArrayList<Descriptor>();
    for (int i = 0; i < entries.size(); i++) {
      descriptors.add(descriptor(field + "[" + i + "]", entries.get(i)));
    }
    return descriptors;
  }

  private static Descriptor descriptor(String field, @Nullable DescriptorJson json) {
    if (json == null || json.digest() == null || json.size() == null || json.size() < 0) {
      throw invalid("manifest: " + field + " must have a digest and a size");
    }
    String type = json.mediaType() == null ? "" : json.mediaType();
    return new Descriptor(
        type,
        digest("manifest: " + field, json.digest()),
        json.size(),
        platform(json.platform()),
        json.annotations() == null ? null : json.annotations().get(TITLE));
  }

  private static @Nullable Platform platform(@Nullable PlatformJson json) {
    if (json == null || json.os() == null || json.architecture() == null) {
      return null;
    }
    return new Platform(json.os(), json.architecture(), json.variant());
  }

  private static Digest digest(String field, String text) {
    try {
      return Digest.parse(text);
    } catch (BerthException e) {
      throw e.during(field);
    }
  }

  /** Parses an image configuration blob. */
  public static ImageDocument parseConfig(byte[] raw) {
    ConfigJson json = parse("image config", raw, ConfigJson.class);
    if (json.os() == null || json.architecture() == null) {
      throw invalid("image config: os and architecture must be set");
    }
    return new ImageDocument(
        new Platform(json.os(), json.architecture(), json.variant()),
        run(json.config()),
        diffIds(json.rootfs()));
  }

  private static List<Digest> diffIds(@Nullable RootfsJson rootfs) {
    if (rootfs == null || rootfs.diffIds() == null) {
      return List.of();
    }
    if (rootfs.type() != null && !rootfs.type().equals("layers")) {
      throw invalid("image config: rootfs.type is " + Ids.printable(rootfs.type()));
    }
    return strings("rootfs.diff_ids", rootfs.diffIds()).stream()
        .map(text -> digest("image config: rootfs.diff_ids", text))
        .toList();
  }

  private static ImageConfig run(@Nullable RunJson json) {
    if (json == null) {
      return new ImageConfig(List.of(), List.of(), List.of(), "", "", List.of(), null, Map.of());
    }
    Map<String, String> labels = new TreeMap<>();
    if (json.labels() != null) {
      json.labels().forEach((key, value) -> labels.put(key, value == null ? "" : value));
    }
    return new ImageConfig(
        strings("config.Entrypoint", json.entrypoint()),
        strings("config.Cmd", json.cmd()),
        strings("config.Env", json.env()),
        json.user() == null ? "" : json.user(),
        json.workingDir() == null ? "" : json.workingDir(),
        json.volumes() == null ? List.of() : List.copyOf(json.volumes().keySet()),
        json.stopSignal() == null || json.stopSignal().isEmpty() ? null : json.stopSignal(),
        labels);
  }

  private static List<String> strings(String field, @Nullable List<@Nullable String> values) {
    if (values == null) {
      return List.of();
    }
    for (String value : values) {
      if (value == null) {
        throw invalid("image config: " + field + " holds a null");
      }
    }
    return List.copyOf(values);
  }

  private static <T> T parse(String what, byte[] raw, Class<T> type) {
    try {
      String text = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(raw)).toString();
      JsonBounds.check(what, text);
      T document = GSON.fromJson(text, type);
      if (document == null) {
        throw invalid(what + ": it is empty");
      }
      return document;
    } catch (JsonParseException | IOException e) {
      throw new BerthException(
          INVALID_ARGUMENT,
          what + ": not valid JSON: " + Ids.printable(String.valueOf(e.getMessage())),
          e);
    }
  }

  private static BerthException invalid(String message) {
    return new BerthException(INVALID_ARGUMENT, message);
  }
}
