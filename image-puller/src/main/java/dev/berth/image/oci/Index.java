package dev.berth.image.oci;

import static dev.berth.base.BerthException.Kind.NOT_FOUND;

import dev.berth.base.BerthException;
import java.util.List;
import java.util.Objects;
import java.util.TreeSet;
import java.util.stream.Collectors;

/** An image index (Docker: manifest list): manifests for several platforms. */
public record Index(List<Descriptor> manifests) implements Document {
  public Index {
    manifests = List.copyOf(manifests);
  }

  /**
   * Chooses the manifest for a platform; one without a platform is taken if none names it.
   *
   * @throws BerthException NOT_FOUND saying what the index has instead
   */
  public Descriptor choose(Platform wanted) {
    for (Descriptor manifest : manifests) {
      if (manifest.platform() != null && wanted.accepts(manifest.platform())) {
        return manifest;
      }
    }
    return manifests.stream()
        .filter(manifest -> manifest.platform() == null)
        .findFirst()
        .orElseThrow(
            () -> new BerthException(NOT_FOUND, "no image for " + wanted + ", only " + offered()));
  }

  private String offered() {
    var platforms =
        manifests.stream()
            .map(Descriptor::platform)
            .filter(Objects::nonNull)
            .map(Platform::toString)
            .filter(platform -> !platform.startsWith("unknown/")) // attestations, not images
            .collect(Collectors.toCollection(TreeSet::new));
    return platforms.isEmpty() ? "an empty index" : String.join(", ", platforms);
  }
}
