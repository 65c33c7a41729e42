package dev.berth.image;

import dev.berth.runtime.kernel.NativeException;
import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/**
 * The {@code manifest} beside an unpacked layer: what every file of it must look like, as {@link
 * LayerTree} tells it, one line a path. Its last line has the number of the others and their
 * CRC-32C, so that a torn manifest is known as such.
 *
 * <p>It is made from the page cache soon after the layer came, before the layer counts as being on
 * the disk: no pull waits for it. Making it or checking against it takes one reading of all files:
 * of one processor some 0.5 s for a gigabyte that is in memory, and 45 µs for each path; the file
 * takes about 90 bytes for each path.
 */
final class LayerManifest {
  static final String NAME = "manifest";
  private static final String END = "end ";

  private final Path file;
  private final Path tree;

  LayerManifest(Path folder) {
    this.file = folder.resolve(NAME);
    this.tree = folder.resolve("fs");
  }

  boolean exists() {
    return Files.exists(file);
  }

  /** Says that someone ended a long reading. */
  static final class StoppedException extends IOException {
    private static final long serialVersionUID = 1L;

    StoppedException() {
      super("stopped");
    }
  }

  private static void check(BooleanSupplier stop) throws StoppedException {
    if (stop.getAsBoolean()) {
      throw new StoppedException();
    }
  }

  /**
   * Describes the tree as it is now.
   *
   * @param stop asked at every path
   */
  void write(BooleanSupplier stop) throws IOException {
    Path temporary = file.resolveSibling(NAME + ".new");
    var crc = new CRC32C();
    var count = new long[1];
    try (var lines = new LayerTree();
        BufferedWriter out = Files.newBufferedWriter(temporary, StandardCharsets.US_ASCII)) {
      lines.read(
          tree,
          (path, looks) -> {
            check(stop);
            String line = LayerTree.escaped(path) + " " + looks + "\n";
            crc.update(line.getBytes(StandardCharsets.US_ASCII));
            count[0]++;
            out.write(line);
          });
      out.write(END + count[0] + " " + Long.toHexString(crc.getValue()) + "\n");
    }
    Files.move(temporary, file, StandardCopyOption.ATOMIC_MOVE);
  }

  /**
   * Compares the tree with the manifest.
   *
   * @return the first difference, for people; empty if there is none
   * @throws IOException if a disk or a lack of rights stands in the way, which says nothing about
   *     the layer
   */
  Optional<String> difference(BooleanSupplier stop) throws IOException {
    Optional<String> damage = damage();
    if (damage.isPresent()) {
      return damage;
    }
    try (var lines = new LayerTree();
        BufferedReader expected = Files.newBufferedReader(file, StandardCharsets.US_ASCII)) {
      var comparison = new Comparison(expected, stop);
      lines.read(tree, comparison);
      comparison.end();
      return Optional.empty();
    } catch (DifferenceException e) {
      return Optional.of(String.valueOf(e.getMessage()));
    } catch (NativeException e) { // a directory that is none any more, a bad sector
      return Optional.of(String.valueOf(e.getMessage()));
    }
  }

  /** Whether the manifest itself is whole. */
  private Optional<String> damage() throws IOException {
    var crc = new CRC32C();
    long count = 0;
    try (BufferedReader in = Files.newBufferedReader(file, StandardCharsets.ISO_8859_1)) {
      for (String line = in.readLine(); line != null; line = in.readLine()) {
        if (line.equals(END + count + " " + Long.toHexString(crc.getValue()))
            && in.readLine() == null) {
          return Optional.empty();
        }
        crc.update((line + "\n").getBytes(StandardCharsets.ISO_8859_1));
        count++;
      }
    }
    return Optional.of("its manifest is damaged");
  }

  private static final class DifferenceException extends IOException {
    private static final long serialVersionUID = 1L;

    DifferenceException(String message) {
      super(message);
    }
  }

  /** Takes the lines of the tree and those of the manifest in step. */
  private record Comparison(BufferedReader expected, BooleanSupplier stop)
      implements LayerTree.Sink {
    @Override
    public void line(String path, String looks) throws IOException {
      check(stop);
      String wanted = next();
      String found = LayerTree.escaped(path) + " " + looks;
      if (wanted == null) {
        throw new DifferenceException(quoted(found) + " is too much");
      }
      if (!wanted.equals(found)) {
        throw new DifferenceException(
            pathOf(wanted).equals(pathOf(found))
                ? quoted(found) + " is" + looks(found) + ", it was" + looks(wanted)
                : quoted(wanted) + " is missing, or " + quoted(found) + " is too much");
      }
    }

    void end() throws IOException {
      String wanted = next();
      if (wanted != null) {
        throw new DifferenceException(quoted(wanted) + " is missing");
      }
    }

    /** The next line that is one of a path. */
    private @Nullable String next() throws IOException {
      String line = expected.readLine();
      if (line == null) {
        return null;
      }
      expected.mark(1);
      boolean last = expected.read() < 0;
      if (!last) {
        expected.reset();
      }
      return last ? null : line;
    }

    private static String pathOf(String line) {
      return line.substring(0, line.indexOf(' '));
    }

    private static String looks(String line) {
      return line.substring(line.indexOf(' '));
    }

    private static String quoted(String line) {
      return "\"" + LayerTree.readable(pathOf(line)) + "\"";
    }
  }
}
