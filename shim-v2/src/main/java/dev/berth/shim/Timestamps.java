package dev.berth.shim;

import com.google.protobuf.Timestamp;
import java.time.Instant;

/** Writes times as protobuf does. */
final class Timestamps {
  private Timestamps() {}

  static Timestamp of(Instant instant) {
    return Timestamp.newBuilder()
        .setSeconds(instant.getEpochSecond())
        .setNanos(instant.getNano())
        .build();
  }
}
