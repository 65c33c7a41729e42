package dev.berth.image.oci;

import java.util.List;
import java.util.Locale;
import java.util.Set;

/** The media types of images: those of the OCI image-spec and Docker's older names for the same. */
public final class MediaTypes {
  public static final String OCI_INDEX = "application/vnd.oci.image.index.v1+json";
  public static final String OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json";
  public static final String OCI_CONFIG = "application/vnd.oci.image.config.v1+json";
  public static final String OCI_LAYER = "application/vnd.oci.image.layer.v1.tar";
  public static final String DOCKER_LIST =
      "application/vnd.docker.distribution.manifest.list.v2+json";
  public static final String DOCKER_MANIFEST =
      "application/vnd.docker.distribution.manifest.v2+json";
  public static final String DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json";
  public static final String DOCKER_LAYER_GZIP =
      "application/vnd.docker.image.rootfs.diff.tar.gzip";

  /** What we ask for when we fetch a manifest, best first. */
  public static final List<String> MANIFESTS =
      List.of(OCI_INDEX, DOCKER_LIST, OCI_MANIFEST, DOCKER_MANIFEST);

  private static final Set<String> LAYER_BASES =
      Set.of(
          OCI_LAYER,
          "application/vnd.oci.image.layer.nondistributable.v1.tar",
          "application/vnd.docker.image.rootfs.diff.tar",
          "application/vnd.docker.image.rootfs.foreign.diff.tar");

  private MediaTypes() {}

  static boolean isIndex(String type) {
    return type.equals(OCI_INDEX) || type.equals(DOCKER_LIST);
  }

  static boolean isManifest(String type) {
    return type.equals(OCI_MANIFEST) || type.equals(DOCKER_MANIFEST);
  }

  /** Returns the type of a manifest: that of its own kind, OCI's or Docker's. */
  public static String ofManifest(Manifest manifest) {
    return manifest.config().mediaType().equals(DOCKER_CONFIG) ? DOCKER_MANIFEST : OCI_MANIFEST;
  }

  /** Whether a layer of this type is a tar archive we can unpack, compressed or not. */
  public static boolean isLayer(String type) {
    String base = type;
    for (String suffix : List.of("+gzip", "+zstd", ".gzip", ".zstd")) {
      if (type.endsWith(suffix)) {
        base = type.substring(0, type.length() - suffix.length());
      }
    }
    return LAYER_BASES.contains(base);
  }

  /** Returns a Content-Type header without its parameters, in lower case. */
  static String bare(String contentType) {
    int semicolon = contentType.indexOf(';');
    String type = semicolon < 0 ? contentType : contentType.substring(0, semicolon);
    return type.strip().toLowerCase(Locale.ROOT);
  }
}
