package dev.berth.image;

import dev.berth.image.oci.ImageConfig;
import java.time.Instant;
import java.util.List;

/**
 * An image that is present on this node.
 *
 * @param id digest of its configuration, {@code sha256:...}; what CRI calls the image id
 * @param repoTags complete names with tags; may be empty
 * @param repoDigests complete names with the digest they were resolved to
 * @param sizeBytes of its manifest, configuration and compressed layers
 * @param config how it wants to be run; untrusted (rule R13)
 * @param layers keys of its layers in {@link Layers}, the lowest first
 * @param pulledAt when it was first pulled
 */
public record ImageRecord(
    String id,
    List<String> repoTags,
    List<String> repoDigests,
    long sizeBytes,
    ImageConfig config,
    List<String> layers,
    Instant pulledAt) {
  public ImageRecord {
    repoTags = List.copyOf(repoTags);
    repoDigests = List.copyOf(repoDigests);
    layers = List.copyOf(layers);
  }
}
