package dev.berth.image.oci;

import org.jspecify.annotations.Nullable;

/**
 * Points at content: what it is, its digest and its exact size.
 *
 * @param sizeBytes of the content as stored, that is, compressed
 * @param platform in an index, the platform a manifest is for; else null
 */
public record Descriptor(
    String mediaType, Digest digest, long sizeBytes, @Nullable Platform platform) {}
