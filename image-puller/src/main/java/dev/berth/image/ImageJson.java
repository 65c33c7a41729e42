package dev.berth.image;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import dev.berth.image.oci.Digest;
import dev.berth.image.oci.ImageConfig;
import java.io.IOException;
import java.time.Instant;
import java.util.List;

/** An image's record as it is stored, in the index and in the image's folder. */
record ImageJson(
    int schema,
    String id,
    List<String> repoTags,
    List<String> repoDigests,
    long sizeBytes,
    ImageConfig config,
    List<String> layers,
    String pulledAt) {
  private static final int SCHEMA = 1;
  private static final Gson GSON = new GsonBuilder().disableHtmlEscaping().create();

  static byte[] encode(ImageRecord image) {
    var json =
        new ImageJson(
            SCHEMA,
            image.id(),
            image.repoTags(),
            image.repoDigests(),
            image.sizeBytes(),
            image.config(),
            image.layers(),
            image.pulledAt().toString());
    return GSON.toJson(json).getBytes(UTF_8);
  }

  /**
   * Reads a record.
   *
   * @throws IOException if it makes no sense
   */
  static ImageRecord decode(byte[] value) throws IOException {
    try {
      ImageJson json = GSON.fromJson(new String(value, UTF_8), ImageJson.class);
      return new ImageRecord(
          Digest.parse(json.id).toString(),
          json.repoTags,
          json.repoDigests,
          json.sizeBytes,
          json.config,
          json.layers,
          Instant.parse(json.pulledAt));
    } catch (RuntimeException e) { // Gson has no one exception for all that can be wrong
      throw new IOException("not an image record: " + e.getMessage(), e);
    }
  }
}
