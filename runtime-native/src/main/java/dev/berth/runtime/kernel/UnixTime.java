package dev.berth.runtime.kernel;

/**
 * A point in time as the kernel keeps it. Any of 64 bits, as archives have it: the file system cuts
 * what it cannot store.
 *
 * @param seconds since the epoch, negative before it
 * @param nanos after that second, below a thousand million
 */
public record UnixTime(long seconds, int nanos) {
  public static final UnixTime EPOCH = new UnixTime(0, 0);
}
