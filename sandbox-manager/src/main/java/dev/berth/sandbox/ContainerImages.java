package dev.berth.sandbox;

import dev.berth.base.Auditor;
import dev.berth.base.MetadataStore;
import dev.berth.image.FsUsage;
import dev.berth.proto.shim.types.Mount;
import dev.berth.sandbox.spec.AccountFiles;
import dev.berth.sandbox.spec.ImageDefaults;
import java.nio.file.Path;
import java.util.Collection;
import java.util.List;

/** What containers need of images: to be found, read and mounted. */
interface ContainerImages {
  /**
   * An image that is present.
   *
   * @param stopSignal name or number of the signal that stops its program; empty for the default
   */
  record Image(
      ContainerStatus.ContainerImage identity, ImageDefaults defaults, String stopSignal) {}

  /**
   * Finds an image by id, reference or short name.
   *
   * @throws dev.berth.base.BerthException NOT_FOUND if it is not present
   */
  Image require(String reference);

  /** Reads the users and groups that the image knows. */
  AccountFiles accounts(Image image);

  /** Adds to a batch what lets {@link #remove} find a snapshot that a crash left half made. */
  void intend(MetadataStore.Batch batch, String snapshotKey, Image image);

  /** Makes a writable snapshot of the image and returns the mounts that show it. Idempotent. */
  List<Mount> prepare(String snapshotKey, Image image);

  /**
   * Makes a read-only snapshot of the image and returns the one mount that shows it. Idempotent.
   */
  Mount view(String snapshotKey, Image image);

  /**
   * Measures what a container has written into its snapshot, by walking its files.
   *
   * @throws dev.berth.base.BerthException NOT_FOUND if there is no such snapshot
   */
  FsUsage usage(String snapshotKey);

  /** Returns the directory that has what a container has written: the upper one of its overlay. */
  Path writableLayer(String snapshotKey);

  /** Returns the keys of all snapshots. */
  Collection<String> snapshots();

  /** Returns what compares the snapshots with their own records. */
  List<Auditor> auditors();

  /** Removes a snapshot, which must not be mounted any more. Idempotent. */
  void remove(String snapshotKey);
}
