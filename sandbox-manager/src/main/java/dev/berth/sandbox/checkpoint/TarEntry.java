package dev.berth.sandbox.checkpoint;

import dev.berth.runtime.kernel.InodeStatus;
import dev.berth.runtime.kernel.UnixTime;
import java.util.Map;

/**
 * One entry of an archive. All texts have one character per byte, see {@link
 * dev.berth.runtime.kernel.ByteNames}.
 *
 * @param name relative path
 * @param kind what it is
 * @param status owner, permissions, time, device
 * @param sizeBytes of the content that follows
 * @param target of a symbolic or hard link, else empty
 * @param attributes extended attributes by name
 */
record TarEntry(
    String name,
    Kind kind,
    InodeStatus status,
    long sizeBytes,
    String target,
    Map<String, String> attributes) {
  /** The kinds with their letter in the header. */
  enum Kind {
    FILE('0'),
    HARD_LINK('1'),
    SYMBOLIC_LINK('2'),
    CHARACTER_DEVICE('3'),
    BLOCK_DEVICE('4'),
    DIRECTORY('5'),
    FIFO('6');

    private final char letter;

    Kind(char letter) {
      this.letter = letter;
    }

    char letter() {
      return letter;
    }
  }

  TarEntry {
    attributes = Map.copyOf(attributes);
  }

  /** A file of this host that belongs to root alone. */
  static TarEntry privateFile(String name, long sizeBytes, UnixTime modified) {
    var status = new InodeStatus(InodeStatus.REGULAR | 0600, 0, 0, sizeBytes, 0, 0, modified, 0, 1);
    return new TarEntry(name, Kind.FILE, status, sizeBytes, "", Map.of());
  }
}
