package dev.berth.image;

import java.util.List;

/**
 * Something that takes space in the image store, and who needs it.
 *
 * @param kind what it is: {@code layer}, {@code damaged layer}, {@code documents}, {@code content},
 *     {@code partial download}, {@code snapshot} or {@code trash}
 * @param name key, digest or id
 * @param usedBytes on disk
 * @param holders who needs it, for people; nobody's are garbage
 */
public record StoreItem(String kind, String name, long usedBytes, List<String> holders) {
  public StoreItem {
    holders = List.copyOf(holders);
  }

  /** Whether nobody needs it. */
  public boolean isGarbage() {
    return holders.isEmpty();
  }
}
