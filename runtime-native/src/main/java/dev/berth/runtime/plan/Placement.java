package dev.berth.runtime.plan;

import dev.berth.runtime.spec.Linux;
import dev.berth.runtime.spec.MemoryPolicy;
import dev.berth.runtime.spec.Personality;
import org.jspecify.annotations.Nullable;

/**
 * What {@code linux} says of each process of a container, those of an exec as well.
 *
 * @param personality {@code linux.personality}
 * @param memoryPolicy {@code linux.memoryPolicy}
 */
public record Placement(@Nullable Personality personality, @Nullable MemoryPolicy memoryPolicy) {
  /** Of a container whose spec says nothing of it. */
  public static final Placement NONE = new Placement(null, null);

  /** Returns what a spec says. */
  public static Placement of(Linux linux) {
    return new Placement(linux.personality(), linux.memoryPolicy());
  }
}
