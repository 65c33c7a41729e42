package dev.berth.sandbox.spec;

import dev.berth.proto.cri.v1.IDMapping;
import dev.berth.runtime.spec.IdMapping;
import java.util.List;

/** Translates id mappings of CRI, whose numbers are unsigned. */
public final class CriMappings {
  private CriMappings() {}

  /** Returns the same mappings as the runtime spec has them, unchecked. */
  public static List<IdMapping> of(List<IDMapping> mappings) {
    return mappings.stream()
        .map(map ->
            new IdMapping(
                Integer.toUnsignedLong(map.getContainerId()),
                Integer.toUnsignedLong(map.getHostId()),
                Integer.toUnsignedLong(map.getLength())))
        .toList();
  }
}
