package dev.berth.image.oci;

import java.util.List;

/** An image manifest: one configuration and its layers, the lowest first. */
public record Manifest(Descriptor config, List<Descriptor> layers) implements Document {
  public Manifest {
    layers = List.copyOf(layers);
  }

  /**
   * Whether this is of no container image but of files that somebody put into a registry: the
   * configuration is of another kind. See image-spec, manifest.md, "Guidelines for Artifact Usage".
   */
  public boolean isArtifact() {
    String type = config.mediaType();
    return !type.isEmpty()
        && !type.equals(MediaTypes.OCI_CONFIG)
        && !type.equals(MediaTypes.DOCKER_CONFIG);
  }
}
