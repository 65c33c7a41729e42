package dev.berth.runtime.spec;

import org.jspecify.annotations.Nullable;

/**
 * A host network device to move into the container.
 *
 * @param name name inside; absent to keep it
 */
public record NetDevice(@Nullable String name) {
  public NetDevice {
    name = Absent.text(name);
  }
}
