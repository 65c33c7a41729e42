package dev.berth.image.archive;

import dev.berth.image.oci.Digest;
import dev.berth.image.oci.Manifest;
import java.util.List;
import java.util.Map;

/**
 * An image of an archive.
 *
 * @param names complete references, or none
 * @param rawManifest the bytes that {@code manifestDigest} is of
 * @param original whether the manifest came with the archive; docker's archives have none, and one
 *     is made
 * @param rawConfig checked against its digest
 * @param files where the blobs are in the archive
 */
@SuppressWarnings("ArrayRecordComponent") // never compared
public record ArchivedImage(
    List<String> names,
    byte[] rawManifest,
    Digest manifestDigest,
    Manifest manifest,
    boolean original,
    byte[] rawConfig,
    Map<Digest, String> files) {
  public ArchivedImage {
    names = List.copyOf(names);
    files = Map.copyOf(files);
  }
}
