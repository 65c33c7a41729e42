package dev.berth.image.unpack;

import dev.berth.base.BerthException;
import java.io.BufferedInputStream;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PushbackInputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The files of a tar archive, each to be opened by its name. A compressed archive is decompressed
 * into a file of its own first, because its parts are wanted in another order than they come.
 * Thread-safe.
 */
public final class TarIndex implements AutoCloseable {
  /** An image of the most layers has a tenth of the entries. */
  private static final UnpackLimits LIMITS =
      new UnpackLimits(
          UnpackLimits.DEFAULT.maxBytes(),
          20_000,
          UnpackLimits.DEFAULT.freeRatioBytes(),
          UnpackLimits.DEFAULT.maxRatio());

  private static final int MAX_LINKS = 8;
  private static final int BUFFER_BYTES = 128 * 1024;

  private final Path archive;
  private final @Nullable Path scratch;
  private final Map<String, Place> places = new HashMap<>();
  private final Map<String, String> links = new HashMap<>();

  private record Place(long offset, long sizeBytes) {}

  private TarIndex(Path archive, @Nullable Path scratch) {
    this.archive = archive;
    this.scratch = scratch;
  }

  /**
   * Reads the headers of an archive: plain, gzip or zstd.
   *
   * @param directory where a decompressed copy may be made; it is deleted on closing
   * @throws BerthException INVALID_ARGUMENT if it is no tar archive, RESOURCE_EXHAUSTED if it
   *     decompresses to more than honest compression makes (rule R10)
   */
  public static TarIndex open(Path archive, Path directory) throws IOException {
    return open(archive, directory, UnpackLimits.DEFAULT);
  }

  static TarIndex open(Path archive, Path directory, UnpackLimits limits) throws IOException {
    Path copy = Files.createTempFile(directory, "archive", ".tar");
    try {
      boolean compressed = decompress(archive, copy, limits);
      if (!compressed) {
        Files.delete(copy);
      }
      var index = new TarIndex(compressed ? copy : archive, compressed ? copy : null);
      index.read();
      return index;
    } catch (IOException | RuntimeException e) {
      Files.deleteIfExists(copy);
      throw e;
    }
  }

  private static boolean decompress(Path archive, Path copy, UnpackLimits limits)
      throws IOException {
    try (var in = new BufferedInputStream(Files.newInputStream(archive));
        InputStream plain = Decompression.of(in)) {
      if (plain instanceof PushbackInputStream) {
        return false;
      }
      try (var out = Files.newOutputStream(copy)) {
        copy(plain, out, bound(Files.size(archive), limits));
      }
      return true;
    }
  }

  private static long bound(long compressedBytes, UnpackLimits limits) {
    long honest = Math.max(limits.freeRatioBytes(), compressedBytes * limits.maxRatio());
    return Math.min(limits.maxBytes(), honest);
  }

  private static void copy(InputStream in, OutputStream out, long maxBytes) throws IOException {
    byte[] buffer = new byte[BUFFER_BYTES];
    long total = 0;
    for (int count = in.read(buffer); count >= 0; count = in.read(buffer)) {
      total += count;
      if (total > maxBytes) {
        throw new BerthException(
            BerthException.Kind.RESOURCE_EXHAUSTED,
            "the archive decompresses to more than the bound of " + maxBytes + " bytes");
      }
      out.write(buffer, 0, count);
    }
  }

  /** Knows where it is. Skipping seeks, so only headers are read. */
  private static final class Positioned extends FilterInputStream {
    private long position;

    Positioned(InputStream in) {
      super(in);
    }

    @Override
    public int read() throws IOException {
      int value = super.read();
      position += value < 0 ? 0 : 1;
      return value;
    }

    @Override
    public int read(byte[] bytes, int offset, int length) throws IOException {
      int count = super.read(bytes, offset, length);
      position += Math.max(0, count);
      return count;
    }

    @Override
    public long skip(long count) throws IOException {
      long skipped = super.skip(count);
      position += skipped;
      return skipped;
    }
  }

  private void read() throws IOException {
    try (var in = new Positioned(Files.newInputStream(archive))) {
      var reader = new TarReader(in, LIMITS);
      for (TarEntry entry = reader.next(); entry != null; entry = reader.next()) {
        String name = normal(entry.name());
        switch (entry.type()) {
          case REGULAR -> places.put(name, new Place(in.position, entry.sizeBytes()));
          case HARD_LINK -> links.put(name, normal(entry.linkName()));
          case SYMBOLIC_LINK -> links.put(name, normal(beside(name, entry.linkName())));
          case CHARACTER_DEVICE, BLOCK_DEVICE, DIRECTORY, FIFO -> {}
        }
      }
    }
  }

  private static String beside(String name, String target) {
    return target.startsWith("/") ? target : name + "/../" + target;
  }

  private static String normal(String name) {
    Path path = Path.of("/" + name).normalize();
    return path.toString().substring(1);
  }

  private Optional<Place> find(String name) {
    String wanted = normal(name);
    for (int i = 0; i < MAX_LINKS && links.containsKey(wanted); i++) {
      wanted = links.getOrDefault(wanted, wanted);
    }
    return Optional.ofNullable(places.get(wanted));
  }

  /** Returns the length of a file; empty if there is none of that name. */
  public Optional<Long> sizeBytes(String name) {
    return find(name).map(Place::sizeBytes);
  }

  /**
   * Opens a file of the archive from an offset on.
   *
   * @throws IOException if there is none of that name
   */
  public InputStream open(String name, long offset) throws IOException {
    Place place = find(name).orElseThrow(() -> new IOException(archive + " has no file " + name));
    InputStream in = Files.newInputStream(archive);
    try {
      in.skipNBytes(place.offset() + offset);
    } catch (IOException e) {
      in.close();
      throw e;
    }
    return new BoundedStream(in, place.sizeBytes() - offset);
  }

  /** Ends before the next header. */
  private static final class BoundedStream extends FilterInputStream {
    private long left;

    BoundedStream(InputStream in, long left) {
      super(in);
      this.left = left;
    }

    @Override
    public int read() throws IOException {
      byte[] one = new byte[1];
      return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
    }

    @Override
    public int read(byte[] bytes, int offset, int length) throws IOException {
      if (left == 0) {
        return -1;
      }
      int count = in.read(bytes, offset, (int) Math.min(length, left));
      left -= Math.max(0, count);
      return count;
    }

    @Override
    public long skip(long count) throws IOException {
      long skipped = in.skip(Math.min(count, left));
      left -= skipped;
      return skipped;
    }
  }

  /** Deletes the decompressed copy, if there is one. Idempotent. */
  @Override
  public void close() throws IOException {
    if (scratch != null) {
      Files.deleteIfExists(scratch);
    }
  }
}
