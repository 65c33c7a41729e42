package dev.berth.image.policy;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.Strictness;
import dev.berth.base.BerthException;
import dev.berth.image.oci.Descriptor;
import dev.berth.image.oci.Digest;
import dev.berth.image.oci.Documents;
import dev.berth.image.oci.Manifest;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** The signatures that stand under the tag {@code sha256-HEX.sig}: a layer each. */
final class CosignManifest {
  private static final String SIGNATURE = "dev.cosignproject.cosign/signature";
  private static final String TYPE = "cosign container image signature";
  private static final int MAX_SIGNATURES = 64;
  private static final Gson GSON = new GsonBuilder().setStrictness(Strictness.STRICT).create();

  private CosignManifest() {}

  /**
   * A signature and what it is of.
   *
   * @param payload points at the bytes that were signed
   */
  @SuppressWarnings("ArrayRecordComponent") // never compared
  record Entry(Descriptor payload, byte[] signature) {}

  private record LayerJson(@Nullable Map<String, String> annotations) {}

  private record ManifestJson(@Nullable List<@Nullable LayerJson> layers) {}

  /** Returns the signatures of a manifest, at most 64; layers that are none are passed over. */
  static List<Entry> parse(byte[] raw, @Nullable String contentType) {
    if (!(Documents.parseManifest(raw, contentType) instanceof Manifest manifest)) {
      return List.of();
    }
    ManifestJson json;
    try {
      json = GSON.fromJson(new String(raw, UTF_8), ManifestJson.class);
    } catch (JsonParseException e) {
      return List.of();
    }
    List<Entry> entries = new ArrayList<>();
    List<@Nullable LayerJson> layers = json.layers() == null ? List.of() : json.layers();
    for (int i = 0; i < layers.size() && entries.size() < MAX_SIGNATURES; i++) {
      LayerJson layer = layers.get(i);
      Map<String, String> annotations =
          layer == null || layer.annotations() == null ? Map.of() : layer.annotations();
      Descriptor payload = manifest.layers().get(i);
      decode(annotations.get(SIGNATURE))
          .ifPresent(signature -> entries.add(new Entry(payload, signature)));
    }
    return entries;
  }

  private static Optional<byte[]> decode(@Nullable String base64) {
    try {
      return Optional.ofNullable(base64).map(Base64.getDecoder()::decode);
    } catch (IllegalArgumentException e) {
      return Optional.empty();
    }
  }

  /** Whether a payload, whose signature was right, is about one of these manifests. */
  static boolean isAbout(byte[] payload, Set<Digest> manifests) {
    try {
      JsonObject critical =
          GSON.fromJson(new String(payload, UTF_8), JsonObject.class).getAsJsonObject("critical");
      String digest = critical.getAsJsonObject("image").get("docker-manifest-digest").getAsString();
      return critical.get("type").getAsString().equals(TYPE)
          && manifests.contains(Digest.parse(digest));
    } catch (JsonParseException
        | BerthException
        | IllegalStateException
        | UnsupportedOperationException
        | ClassCastException
        | NullPointerException e) {
      return false; // not of the form that cosign writes
    }
  }
}
