package dev.berth.image.unpack;

import java.util.List;

/**
 * What a layer leaves open because only the layers below can answer it.
 *
 * <p>Most layers leave nothing open and are the same on top of any others. One with a sidecar must
 * be merged with what is below before it is used; see {@link SidecarMerge}.
 *
 * @param implicitDirectories parents that the archive uses but does not describe, each before what
 *     is below it: they look like the directory that a lower layer has there
 * @param links hard links to files that the layer does not have itself
 */
public record Sidecar(List<String> implicitDirectories, List<PendingLink> links) {
  /** A hard link whose target is in a lower layer. Both paths are relative to the root. */
  public record PendingLink(String path, String target) {}

  public Sidecar {
    implicitDirectories = List.copyOf(implicitDirectories);
    links = List.copyOf(links);
  }

  public boolean isEmpty() {
    return implicitDirectories.isEmpty() && links.isEmpty();
  }
}
