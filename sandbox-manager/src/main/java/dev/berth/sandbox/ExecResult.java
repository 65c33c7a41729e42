package dev.berth.sandbox;

import com.google.protobuf.ByteString;

/**
 * What a command run by {@link Containers#execSync} left behind.
 *
 * @param exitCode 128 + n after a death by signal n
 */
public record ExecResult(ByteString stdout, ByteString stderr, int exitCode) {
  /** How much of each stream is kept (rule R10): what a CRI client accepts as one message. */
  public static final int MAX_OUTPUT_BYTES = 16 << 20;
}
