package dev.berth.image.archive;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import dev.berth.image.oci.Descriptor;
import dev.berth.image.oci.Manifest;
import dev.berth.image.oci.MediaTypes;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Writes the documents of the OCI image-spec that Berth makes itself. */
final class ManifestWriter {
  private static final Gson GSON = new GsonBuilder().disableHtmlEscaping().create();

  private ManifestWriter() {}

  static byte[] write(Manifest manifest) {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("schemaVersion", 2);
    json.put("mediaType", MediaTypes.OCI_MANIFEST);
    json.put("config", descriptor(manifest.config()));
    json.put("layers", manifest.layers().stream().map(ManifestWriter::descriptor).toList());
    return bytes(json);
  }

  static byte[] index(List<Map<String, Object>> manifests) {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("schemaVersion", 2);
    json.put("mediaType", MediaTypes.OCI_INDEX);
    json.put("manifests", manifests);
    return bytes(json);
  }

  static Map<String, Object> descriptor(Descriptor descriptor) {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("mediaType", descriptor.mediaType());
    json.put("digest", descriptor.digest().toString());
    json.put("size", descriptor.sizeBytes());
    return json;
  }

  static byte[] bytes(Object json) {
    return GSON.toJson(json).getBytes(UTF_8);
  }
}
