package dev.berth.image;

/**
 * The stages of a pull, in order. {@link #FETCH_LAYER}, {@link #UNPACK} and {@link #COMMIT} happen
 * once per layer, in parallel, on the operation of the flight that the layer's callers share.
 */
public enum PullStage {
  /** The reference is checked and the hosts of its registry are read. */
  RESOLVE,
  /** The manifest is fetched with the caller's own credentials: this authorises the pull. */
  FETCH_MANIFEST,
  /** The configuration is fetched. */
  FETCH_CONFIG,
  /** The image policy is asked, and signatures are fetched if it wants them. */
  CHECK_POLICY,
  /** Missing layers are asked for. */
  FETCH_LAYERS,
  /** One layer's bytes begin to arrive. */
  FETCH_LAYER,
  /** One layer's files begin to be written. */
  UNPACK,
  /** One layer, both digests checked, takes its final place. */
  COMMIT,
  /** The image gets its names. */
  RECORD
}
