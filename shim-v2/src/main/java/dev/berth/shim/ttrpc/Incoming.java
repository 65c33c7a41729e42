package dev.berth.shim.ttrpc;

/** What a peer sent: a frame, or one so long that it was thrown away while it was read. */
sealed interface Incoming permits Frame, Incoming.Oversized {
  int streamId();

  byte type();

  /**
   * A frame beyond the bound, of which only the header was kept.
   *
   * @param length what the header said, in bytes
   */
  record Oversized(int streamId, byte type, long length) implements Incoming {
    String describe() {
      return "message of " + length + " bytes is longer than " + Frame.MAX_PAYLOAD_BYTES;
    }
  }
}
