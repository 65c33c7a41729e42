package dev.berth.image;

/**
 * Who needs a layer.
 *
 * @param name of the image, snapshot or pull, for people
 */
record LayerHolder(Kind kind, String name) {
  /** What needs layers. */
  enum Kind {
    /** An image that is present; it needs the layer, wherever it is. */
    IMAGE,
    /** A root file system; it has the very directory mounted. */
    SNAPSHOT,
    /** A pull under way, or someone who reads a file. */
    WORK
  }

  static LayerHolder image(String id) {
    return new LayerHolder(Kind.IMAGE, id);
  }

  static LayerHolder snapshot(String key) {
    return new LayerHolder(Kind.SNAPSHOT, key);
  }

  static LayerHolder work(String name) {
    return new LayerHolder(Kind.WORK, name);
  }
}
