package dev.berth.image;

import java.util.List;

/**
 * What a check of the store found out about a layer or an image's documents.
 *
 * @param name key of the layer, or id of the image
 * @param health what is to be thought of it
 * @param detail the first thing that is wrong; empty if nothing is
 * @param usedBytes of the files that were read
 * @param images ids of the images that need it
 */
public record CheckedPart(
    String name, Health health, String detail, long usedBytes, List<String> images) {
  /** What a check can say. */
  public enum Health {
    /** All is as it was when it came. */
    SOUND,
    /** Something has changed or is missing; the next pull fetches it again. */
    DAMAGED,
    /** It came moments ago, or with a release that wrote nothing down: nothing to compare with. */
    UNRECORDED
  }

  public CheckedPart {
    images = List.copyOf(images);
  }
}
