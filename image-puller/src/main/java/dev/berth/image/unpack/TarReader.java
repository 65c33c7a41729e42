package dev.berth.image.unpack;

import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;
import static dev.berth.base.BerthException.Kind.RESOURCE_EXHAUSTED;
import static java.nio.charset.StandardCharsets.ISO_8859_1;

import dev.berth.base.BerthException;
import dev.berth.runtime.kernel.ByteNames;
import dev.berth.runtime.kernel.UnixTime;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Reads a tar archive from a stream: ustar, PAX and GNU headers, long names, base-256 numbers and
 * all four sparse formats.
 *
 * <p>Tolerant where real archives are sloppy (missing end blocks, trailing bytes), strict where a
 * lie would matter (checksums, sizes, negative numbers). Not thread-safe. Does not close the
 * stream.
 */
final class TarReader {
  private static final int BLOCK = 512;

  private final InputStream in;
  private final UnpackLimits limits;
  private final byte[] block = new byte[BLOCK];
  private long remaining; // stored bytes of the current entry not yet read
  private long padding;
  private long entries;

  TarReader(InputStream in, UnpackLimits limits) {
    this.in = in;
    this.limits = limits;
  }

  /** Returns the next entry, or null at the end of the archive. */
  @Nullable TarEntry next() throws IOException {
    var extensions = new Extensions();
    long extendedBytes = 0;
    while (true) {
      skipRest();
      if (!readHeader()) {
        return null;
      }
      long size = number(124, 12, "size");
      char type = (char) (block[156] & 0xff);
      if (type == 'x' || type == 'L' || type == 'K') {
        requireShort(extendedBytes, size);
        extendedBytes += size;
      }
      switch (type) {
        case 'x' -> extensions.readPax(payload(size));
        case 'g', 'V' -> { // global headers carry nothing a layer may set
          skip(size);
          skip(paddingOf(size));
        }
        case 'L' -> extensions.longName = cString(payload(size));
        case 'K' -> extensions.longLink = cString(payload(size));
        default -> {
          return entry(type, extensions);
        }
      }
    }
  }

  /**
   * Reads stored bytes of the current entry; for a sparse file those of its segments.
   *
   * @return how many, or -1 when the entry has no more
   */
  int read(byte[] buffer, int offset, int length) throws IOException {
    if (remaining == 0) {
      return -1;
    }
    int count = in.read(buffer, offset, (int) Math.min(length, remaining));
    if (count < 0) {
      throw invalid("the archive ends inside an entry");
    }
    remaining -= count;
    return count;
  }

  /** What the extended headers before an entry said. */
  private static final class Extensions {
    final Map<String, String> pax = new HashMap<>();
    final Map<String, byte[]> xattrs = new HashMap<>();
    final List<Long> sparseNumbers = new ArrayList<>();
    @Nullable String longName;
    @Nullable String longLink;

    void readPax(byte[] payload) {
      PaxRecords.parse(
          payload,
          (key, value) -> {
            switch (key) {
              case "GNU.sparse.offset", "GNU.sparse.numbytes" -> // format 0.0 repeats the keys
                  sparseNumbers.add(PaxRecords.decimal(key, value));
              default -> {
                if (!PaxRecords.putXattr(xattrs, key, value)) {
                  pax.put(key, value);
                }
              }
            }
          });
    }
  }

  private TarEntry entry(char flag, Extensions extensions) throws IOException {
    if (++entries > limits.maxEntries()) {
      throw new BerthException(
          RESOURCE_EXHAUSTED, "the archive has more than " + limits.maxEntries() + " entries");
    }
    Map<String, String> pax = extensions.pax;
    remaining = paxNumber(pax, "size", number(124, 12, "size"));
    padding = paddingOf(remaining);
    String name = name(extensions);
    TarEntry.Type type = type(flag, name);
    long size = remaining;
    List<TarEntry.Segment> segments = null;
    if (flag == 'S') {
      segments = gnuSegments();
      size = number(483, 12, "real size");
    } else if (isPaxSparse(pax)) {
      segments = paxSegments(pax, extensions.sparseNumbers);
      size = paxNumber(pax, "GNU.sparse.realsize", paxNumber(pax, "GNU.sparse.size", size));
    } else if (type != TarEntry.Type.REGULAR) {
      // Some writers give links the size of their target; only regular files have content.
      if (type == TarEntry.Type.HARD_LINK || type == TarEntry.Type.SYMBOLIC_LINK) {
        remaining = pax.containsKey("size") ? remaining : 0;
        padding = paddingOf(remaining);
      }
      size = 0;
    }
    if (segments != null) {
      checkSegments(segments, size);
    }
    return new TarEntry(
        name,
        type,
        (int) (number(100, 8, "mode") & 07777),
        paxNumber(pax, "uid", number(108, 8, "uid")),
        paxNumber(pax, "gid", number(116, 8, "gid")),
        size,
        time(pax),
        link(extensions),
        number(329, 8, "devmajor"),
        number(337, 8, "devminor"),
        Map.copyOf(extensions.xattrs),
        segments);
  }

  private static TarEntry.Type type(char flag, String name) {
    return switch (flag) {
      // Before POSIX a directory was a file whose name ends in a slash.
      case '0', '\0', '7', 'S' ->
          name.endsWith("/") ? TarEntry.Type.DIRECTORY : TarEntry.Type.REGULAR;
      case '1' -> TarEntry.Type.HARD_LINK;
      case '2' -> TarEntry.Type.SYMBOLIC_LINK;
      case '3' -> TarEntry.Type.CHARACTER_DEVICE;
      case '4' -> TarEntry.Type.BLOCK_DEVICE;
      case '5' -> TarEntry.Type.DIRECTORY;
      case '6' -> TarEntry.Type.FIFO;
      default ->
          throw invalid(
              "entry \"" + ByteNames.readable(name) + "\" has the unknown type " + (int) flag);
    };
  }

  private String name(Extensions extensions) {
    String sparseName = extensions.pax.get("GNU.sparse.name");
    if (sparseName != null) {
      return sparseName;
    }
    String name = extensions.pax.get("path");
    if (name == null) {
      name = extensions.longName;
    }
    return name != null ? name : shortName();
  }

  private String shortName() {
    String name = text(0, 100);
    // GNU headers ("ustar  ") have other things where POSIX has a prefix.
    boolean posix = block[262] == 0 && text(257, 5).equals("ustar");
    String prefix = posix ? text(345, 155) : "";
    return prefix.isEmpty() ? name : prefix + "/" + name;
  }

  private String link(Extensions extensions) {
    String link = extensions.pax.get("linkpath");
    if (link == null) {
      link = extensions.longLink;
    }
    return link != null ? link : text(157, 100);
  }

  private UnixTime time(Map<String, String> pax) {
    String modified = pax.get("mtime");
    return modified != null ? PaxRecords.time(modified) : new UnixTime(number(136, 12, "mtime"), 0);
  }

  private static long paxNumber(Map<String, String> pax, String key, long otherwise) {
    String value = pax.get(key);
    return value == null ? otherwise : PaxRecords.decimal(key, value);
  }

  // Sparse files. See the GNU tar manual, "Storing Sparse Files".

  private static boolean isPaxSparse(Map<String, String> pax) {
    return pax.containsKey("GNU.sparse.size")
        || pax.containsKey("GNU.sparse.map")
        || pax.containsKey("GNU.sparse.major");
  }

  private List<TarEntry.Segment> gnuSegments() throws IOException {
    List<TarEntry.Segment> segments = new ArrayList<>();
    byte[] header = block.clone();
    addGnuSegments(block, 386, 4, segments);
    boolean more = block[482] != 0;
    while (more) {
      readFully(block, "a sparse header");
      addGnuSegments(block, 0, 21, segments);
      more = block[504] != 0;
      requireReasonable(segments.size());
    }
    System.arraycopy(header, 0, block, 0, BLOCK);
    return segments;
  }

  private static void addGnuSegments(
      byte[] block, int offset, int count, List<TarEntry.Segment> segments) {
    for (int i = 0; i < count; i++) {
      int at = offset + 24 * i;
      if (block[at] == 0) {
        return;
      }
      segments.add(
          new TarEntry.Segment(
              TarNumbers.parse(block, at, 12, "sparse offset"),
              TarNumbers.parse(block, at + 12, 12, "sparse length")));
    }
  }

  private List<TarEntry.Segment> paxSegments(Map<String, String> pax, List<Long> numbers)
      throws IOException {
    if ("1".equals(pax.get("GNU.sparse.major"))) {
      return segmentsBeforeData();
    }
    String map = pax.get("GNU.sparse.map");
    List<Long> all = numbers;
    if (map != null && !map.isEmpty()) {
      all = new ArrayList<>();
      for (String number : map.split(",", -1)) {
        all.add(PaxRecords.decimal("GNU.sparse.map", number));
      }
    }
    return pairs(all);
  }

  /** Format 1.0: a decimal list, one number per line, padded to blocks, in front of the data. */
  private List<TarEntry.Segment> segmentsBeforeData() throws IOException {
    var lines = new SparseLines();
    long count = lines.next();
    requireReasonable(count);
    List<Long> numbers = new ArrayList<>();
    for (long i = 0; i < 2 * count; i++) {
      numbers.add(lines.next());
    }
    return pairs(numbers);
  }

  private final class SparseLines {
    private final byte[] bytes = new byte[BLOCK];
    private int at = BLOCK;

    long next() throws IOException {
      var digits = new StringBuilder();
      for (int c = nextByte(); c != '\n'; c = nextByte()) {
        if (digits.length() > 20) {
          throw invalid("a sparse map has a number that is too long");
        }
        digits.append((char) c);
      }
      return PaxRecords.decimal("sparse map", digits.toString());
    }

    private int nextByte() throws IOException {
      if (at == BLOCK) {
        if (remaining < BLOCK) {
          throw invalid("a sparse map is longer than its entry");
        }
        readFully(bytes, "a sparse map");
        remaining -= BLOCK;
        at = 0;
      }
      return bytes[at++] & 0xff;
    }
  }

  private static List<TarEntry.Segment> pairs(List<Long> numbers) {
    if (numbers.size() % 2 != 0) {
      throw invalid("a sparse map has an offset without a length");
    }
    List<TarEntry.Segment> segments = new ArrayList<>();
    for (int i = 0; i < numbers.size(); i += 2) {
      segments.add(new TarEntry.Segment(numbers.get(i), numbers.get(i + 1)));
    }
    return segments;
  }

  private void checkSegments(List<TarEntry.Segment> segments, long size) {
    long end = 0;
    long stored = 0;
    for (TarEntry.Segment segment : segments) {
      if (segment.offset() < end
          || segment.lengthBytes() < 0
          || segment.lengthBytes() > size - segment.offset()) {
        throw invalid("a sparse map overlaps itself or is longer than its file");
      }
      end = segment.offset() + segment.lengthBytes();
      stored += segment.lengthBytes();
    }
    if (stored != remaining) {
      throw invalid("a sparse map does not agree with the size of its entry");
    }
  }

  private static void requireReasonable(long segments) {
    if (segments > UnpackLimits.MAX_HEADER_BYTES) {
      throw invalid("a sparse map has " + segments + " segments");
    }
  }

  // Blocks and fields.

  private void skipRest() throws IOException {
    skip(remaining);
    skipPadding(padding);
    remaining = 0;
    padding = 0;
  }

  /** Some writers leave the padding of the last entry away; umoci does. Nothing is lost by it. */
  private void skipPadding(long count) throws IOException {
    long left = count;
    while (left > 0) {
      long skipped = in.skip(left);
      if (skipped <= 0 && in.read() < 0) {
        return;
      }
      left -= Math.max(1, skipped);
    }
  }

  private void skip(long count) throws IOException {
    long left = count;
    while (left > 0) {
      long skipped = in.skip(left);
      if (skipped <= 0 && in.read() < 0) {
        throw invalid("the archive ends inside an entry");
      }
      left -= Math.max(1, skipped);
    }
  }

  private static long paddingOf(long size) {
    return -size & (BLOCK - 1);
  }

  /** Returns false at the end: a block of zeros, or no more bytes. */
  private boolean readHeader() throws IOException {
    int count = in.readNBytes(block, 0, BLOCK);
    if (count == 0) {
      return false;
    }
    if (count < BLOCK) {
      throw invalid("the archive ends inside a header");
    }
    if (TarNumbers.isZero(block)) {
      return false;
    }
    if (!TarNumbers.checksumMatches(block)) {
      throw invalid("a header has a wrong checksum: not a tar archive, or damaged");
    }
    return true;
  }

  /** Checks how much the extended headers of one entry say together: all of it is kept. */
  private static void requireShort(long before, long size) {
    if (size > UnpackLimits.MAX_HEADER_BYTES - before) {
      throw new BerthException(
          RESOURCE_EXHAUSTED,
          "the extended headers of an entry have over " + UnpackLimits.MAX_HEADER_BYTES + " bytes");
    }
  }

  private byte[] payload(long size) throws IOException {
    byte[] payload = new byte[(int) size];
    readFully(payload, "an extended header");
    skip(paddingOf(size));
    return payload;
  }

  private void readFully(byte[] buffer, String what) throws IOException {
    if (in.readNBytes(buffer, 0, buffer.length) < buffer.length) {
      throw invalid("the archive ends inside " + what);
    }
  }

  private long number(int offset, int length, String field) {
    return TarNumbers.parse(block, offset, length, field);
  }

  private String text(int offset, int length) {
    int end = offset;
    while (end < offset + length && block[end] != 0) {
      end++;
    }
    return new String(block, offset, end - offset, ISO_8859_1);
  }

  private static String cString(byte[] bytes) {
    int end = 0;
    while (end < bytes.length && bytes[end] != 0) {
      end++;
    }
    return new String(bytes, 0, end, ISO_8859_1);
  }

  static BerthException invalid(String message) {
    return new BerthException(INVALID_ARGUMENT, message);
  }
}
