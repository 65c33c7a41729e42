package dev.berth.image.unpack;

import dev.berth.runtime.kernel.UnixTime;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * One entry of a tar archive, with all extended headers applied.
 *
 * @param name as in the archive, not yet checked
 * @param mode permission bits with setuid, setgid and sticky
 * @param sizeBytes of the file; for a sparse one, with its holes
 * @param linkName target of a symbolic or hard link, else empty
 * @param xattrs extended attributes by name
 * @param segments for a sparse file where its data goes, in order; null for any other
 */
record TarEntry(
    String name,
    Type type,
    int mode,
    long uid,
    long gid,
    long sizeBytes,
    UnixTime modified,
    String linkName,
    long deviceMajor,
    long deviceMinor,
    Map<String, byte[]> xattrs,
    @Nullable List<Segment> segments) {
  enum Type {
    REGULAR,
    HARD_LINK,
    SYMBOLIC_LINK,
    CHARACTER_DEVICE,
    BLOCK_DEVICE,
    DIRECTORY,
    FIFO
  }

  /** Data of a sparse file: everything between segments is a hole. */
  record Segment(long offset, long lengthBytes) {}
}
