package dev.berth.image.oci;

import java.util.ArrayList;
import java.util.List;

/**
 * An image's configuration blob: the platform, how it is run, and the digests of its unpacked
 * layers.
 *
 * @param diffIds digests of the uncompressed layers, the lowest first
 */
public record ImageDocument(Platform platform, ImageConfig config, List<Digest> diffIds) {
  public ImageDocument {
    diffIds = List.copyOf(diffIds);
  }

  /**
   * Returns the chain id of every layer, the lowest first: the digest of a layer together with all
   * below it. See image-spec, config.md, "Layer ChainID".
   */
  public List<Digest> chainIds() {
    List<Digest> chain = new ArrayList<>();
    for (Digest diffId : diffIds) {
      chain.add(chain.isEmpty() ? diffId : Digest.ofSha256(chain.getLast() + " " + diffId));
    }
    return chain;
  }
}
