package dev.berth.sandbox;

import java.util.Map;

/**
 * What the lists of usage left out because it could not be read.
 *
 * @param reasons why, by the id of the pod or container; of those alone that the last attempt to
 *     read failed for
 * @param total how often that has happened since this process began
 */
public record UsageGaps(Map<String, String> reasons, long total) {
  /** Copies the map. */
  public UsageGaps {
    reasons = Map.copyOf(reasons);
  }
}
