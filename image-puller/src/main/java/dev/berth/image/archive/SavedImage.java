package dev.berth.image.archive;

import dev.berth.image.oci.Descriptor;
import dev.berth.image.oci.Digest;
import dev.berth.image.oci.Manifest;
import java.util.List;

/**
 * An image to be written to an archive.
 *
 * @param names complete references with tags
 * @param rawManifest as it came
 * @param type media type of the manifest
 */
@SuppressWarnings("ArrayRecordComponent") // never compared
public record SavedImage(
    List<String> names,
    byte[] rawManifest,
    String type,
    Digest manifestDigest,
    Manifest manifest,
    byte[] rawConfig) {
  public SavedImage {
    names = List.copyOf(names);
  }

  Descriptor descriptor() {
    return new Descriptor(type, manifestDigest, rawManifest.length, null);
  }
}
