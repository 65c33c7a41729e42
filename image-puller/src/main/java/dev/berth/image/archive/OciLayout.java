package dev.berth.image.archive;

import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;
import static java.nio.charset.StandardCharsets.UTF_8;

import com.google.gson.Gson;
import com.google.gson.JsonParseException;
import dev.berth.base.BerthException;
import dev.berth.image.oci.Descriptor;
import dev.berth.image.oci.Digest;
import dev.berth.image.oci.Documents;
import dev.berth.image.oci.Index;
import dev.berth.image.oci.Manifest;
import dev.berth.image.oci.Platform;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Reads an OCI image layout. See image-spec, image-layout.md. */
final class OciLayout {
  static final String INDEX = "index.json";

  /** A tag, or whatever the writer calls the image; see image-spec, annotations.md. */
  static final String REF_NAME = "org.opencontainers.image.ref.name";

  /** The complete name, where a writer gives it: containerd, Docker, Berth. */
  static final String FULL_NAME = "io.containerd.image.name";

  private static final int MAX_DEPTH = 3;
  private static final Gson GSON = new Gson();

  private final ArchiveFiles files;
  private final Platform platform;

  OciLayout(ArchiveFiles files, Platform platform) {
    this.files = files;
    this.platform = platform;
  }

  private record Entry(@Nullable String digest, @Nullable Map<String, String> annotations) {}

  private record IndexJson(@Nullable List<@Nullable Entry> manifests) {}

  List<ArchivedImage> images() throws IOException {
    byte[] raw = ImageArchive.read(files, INDEX, Documents.MAX_MANIFEST_BYTES);
    if (!(Documents.parseManifest(raw, null) instanceof Index index)) {
      throw new BerthException(INVALID_ARGUMENT, "index.json of the archive is no index");
    }
    Map<String, List<String>> names = names(raw);
    Map<Digest, ArchivedImage> images = new HashMap<>();
    List<Digest> order = new ArrayList<>();
    for (Descriptor descriptor : index.manifests()) {
      if (descriptor.platform() != null && !platform.accepts(descriptor.platform())) {
        continue;
      }
      List<String> called = names.getOrDefault(descriptor.digest().toString(), List.of());
      if (!images.containsKey(descriptor.digest())) {
        images.put(descriptor.digest(), image(descriptor, called, 0));
        order.add(descriptor.digest());
      }
    }
    return order.stream().map(images::get).toList();
  }

  private static Map<String, List<String>> names(byte[] raw) {
    Map<String, List<String>> names = new HashMap<>();
    try {
      IndexJson json = GSON.fromJson(new String(raw, UTF_8), IndexJson.class);
      for (Entry entry : json.manifests() == null ? List.<Entry>of() : json.manifests()) {
        if (entry != null && entry.digest() != null && entry.annotations() != null) {
          String full = entry.annotations().get(FULL_NAME);
          String name = full == null ? entry.annotations().get(REF_NAME) : full;
          if (name != null && ImageNames.isComplete(name)) {
            names.computeIfAbsent(entry.digest(), _ -> new ArrayList<>()).add(name);
          }
        }
      }
      return names;
    } catch (JsonParseException e) {
      throw new BerthException(INVALID_ARGUMENT, "index.json: bad annotations", e);
    }
  }

  private ArchivedImage image(Descriptor descriptor, List<String> names, int depth)
      throws IOException {
    byte[] raw = blob(descriptor.digest(), Documents.MAX_MANIFEST_BYTES);
    return switch (Documents.parseManifest(raw, descriptor.mediaType())) {
      case Index _ when depth == MAX_DEPTH ->
          throw new BerthException(INVALID_ARGUMENT, "indexes of the archive are nested too deep");
      case Index index -> image(index.choose(platform), names, depth + 1);
      case Manifest manifest ->
          new ArchivedImage(
              names,
              raw,
              descriptor.digest(),
              manifest,
              true,
              blob(manifest.config().digest(), Documents.MAX_CONFIG_BYTES),
              paths(manifest));
    };
  }

  private byte[] blob(Digest digest, int maxBytes) throws IOException {
    return ImageArchive.read(files, path(digest), digest, maxBytes);
  }

  static String path(Digest digest) {
    return "blobs/" + digest.algorithm() + "/" + digest.hex();
  }

  private static Map<Digest, String> paths(Manifest manifest) {
    Map<Digest, String> paths = new HashMap<>();
    manifest.layers().forEach(layer -> paths.put(layer.digest(), path(layer.digest())));
    return paths;
  }
}
