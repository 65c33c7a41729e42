package dev.berth.image.oci;

import java.util.List;

/** An image manifest: one configuration and its layers, the lowest first. */
public record Manifest(Descriptor config, List<Descriptor> layers) implements Document {
  public Manifest {
    layers = List.copyOf(layers);
  }
}
