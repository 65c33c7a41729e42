package dev.berth.sandbox.net;

/** A bound of traffic as the kernel takes it. */
record TokenBucket(long bytesPerSecond, int burstBytes) {
  /** What a device may hand over at once, as segments that it takes apart later. */
  private static final int MIN_BURST_BYTES = 128 << 10;

  /** As much may be sent at once as in this part of a second: what is saved up while idle. */
  private static final int BURSTS_PER_SECOND = 10;

  static TokenBucket of(long bitsPerSecond) {
    long bytes = Math.max(1, bitsPerSecond / 8);
    long burst = Math.clamp(bytes / BURSTS_PER_SECOND, MIN_BURST_BYTES, Integer.MAX_VALUE);
    return new TokenBucket(bytes, (int) burst);
  }
}
