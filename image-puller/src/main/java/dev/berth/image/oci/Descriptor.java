package dev.berth.image.oci;

import org.jspecify.annotations.Nullable;

/**
 * Points at content: what it is, its digest and its exact size.
 *
 * @param sizeBytes of the content as stored, that is, compressed
 * @param platform in an index, the platform a manifest is for; else null
 * @param title what its file is called, if it says so: {@code org.opencontainers.image.title}
 */
public record Descriptor(
    String mediaType,
    Digest digest,
    long sizeBytes,
    @Nullable Platform platform,
    @Nullable String title) {
  /** One without a title. */
  public Descriptor(String mediaType, Digest digest, long sizeBytes, @Nullable Platform platform) {
    this(mediaType, digest, sizeBytes, platform, null);
  }
}
