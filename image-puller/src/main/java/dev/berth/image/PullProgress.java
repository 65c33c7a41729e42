package dev.berth.image;

import java.util.List;

/**
 * How far a pull is, for people who watch it.
 *
 * @param reference complete name of the image
 * @param stage that it is in, in lower case
 * @param layers the lowest first; empty until they are known
 */
public record PullProgress(String reference, String stage, List<LayerProgress> layers) {
  /**
   * One layer of a pull.
   *
   * @param digest of the compressed layer
   * @param receivedBytes so far
   * @param totalBytes to come in all
   * @param done whether it is unpacked and in its place
   */
  public record LayerProgress(String digest, long receivedBytes, long totalBytes, boolean done) {}

  public PullProgress {
    layers = List.copyOf(layers);
  }
}
