package dev.berth.image;

import static dev.berth.base.BerthException.Kind.UNIMPLEMENTED;

import dev.berth.base.BerthException;
import dev.berth.base.MetadataStore;
import dev.berth.base.Operation;
import dev.berth.image.oci.ImageReference;
import dev.berth.image.registry.Credentials;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** The images of this node: pulling, finding, removing. */
@SuppressWarnings("DoNotCallSuggester") // until implemented
public final class Images implements AutoCloseable {
  private Images() {}

  /**
   * Opens the image store.
   *
   * @param root directory of its own, {@code /var/lib/berth/images}
   * @param hostsDir where {@code HOST/hosts.toml} files are, as containerd has them; need not exist
   */
  public static Images open(Path root, MetadataStore store, Path hostsDir) {
    throw new BerthException(UNIMPLEMENTED, "image store");
  }

  /**
   * Pulls an image; see {@link PullStage} for the stages entered on {@code operation}.
   *
   * @throws BerthException KUBELET_REASON with a message beginning {@code RegistryUnavailable: }
   */
  public ImageRecord pull(ImageReference reference, Credentials credentials, Operation operation) {
    throw new BerthException(UNIMPLEMENTED, "pull");
  }

  /** Finds by id, short id, tag, digest or short name. */
  public Optional<ImageRecord> find(String nameOrId) {
    throw new BerthException(UNIMPLEMENTED, "find");
  }

  /** All images. */
  public List<ImageRecord> list() {
    throw new BerthException(UNIMPLEMENTED, "list");
  }

  /** Removes the image with all its names; removing what is not there is no error. */
  public void remove(String nameOrId) {
    throw new BerthException(UNIMPLEMENTED, "remove");
  }

  /** What images take on disk. */
  public FsUsage usage() {
    throw new BerthException(UNIMPLEMENTED, "usage");
  }

  /** The root file systems made of these images. */
  public Snapshots snapshots() {
    throw new BerthException(UNIMPLEMENTED, "snapshots");
  }

  /** Reads a file of an image, {@code /etc/passwd}, following links inside the image only. */
  public Optional<byte[]> readFile(ImageRecord image, String path, int maxBytes) {
    throw new BerthException(UNIMPLEMENTED, "readFile");
  }

  @Override
  public void close() {}
}
