package dev.berth.image;

/** The forms that images are saved in. */
public enum ArchiveFormat {
  /** A directory with an OCI image layout. */
  OCI_DIRECTORY,
  /** A tar archive of an OCI image layout. */
  OCI_ARCHIVE,
  /** What {@code docker save} writes and {@code docker load} reads. */
  DOCKER_ARCHIVE
}
