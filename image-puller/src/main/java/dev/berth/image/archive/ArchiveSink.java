package dev.berth.image.archive;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Objects;

/** Takes the files of an archive, one after the other. Not thread-safe. */
public sealed interface ArchiveSink extends AutoCloseable {
  /** Writes a file of exactly {@code sizeBytes}. */
  void write(String name, long sizeBytes, InputStream content) throws IOException;

  @Override
  void close() throws IOException;

  /** Files below a directory. */
  record Directory(Path root) implements ArchiveSink {
    @Override
    public void write(String name, long sizeBytes, InputStream content) throws IOException {
      Path file = root.resolve(name);
      Files.createDirectories(Objects.requireNonNull(file.getParent()));
      Files.copy(content, file);
      if (Files.size(file) != sizeBytes) {
        throw new IOException(name + " has " + Files.size(file) + " bytes, not " + sizeBytes);
      }
    }

    @Override
    public void close() {
      // nothing is open
    }
  }

  /** A tar archive of regular files: names up to 100 bytes, which are all that images need. */
  final class Tar implements ArchiveSink {
    private static final int BLOCK = 512;
    private static final int BUFFER_BYTES = 256 * 1024;

    /** What eleven octal digits can say. */
    private static final long MAX_OCTAL = 0_77_777_777_777L;

    private final OutputStream out;

    /** Writes to {@code out}, which is closed with this. */
    public Tar(OutputStream out) {
      this.out = new BufferedOutputStream(out, BUFFER_BYTES);
    }

    @Override
    public void write(String name, long sizeBytes, InputStream content) throws IOException {
      out.write(header(name, sizeBytes));
      long written = content.transferTo(out);
      if (written != sizeBytes) {
        throw new IOException(name + " has " + written + " bytes, not " + sizeBytes);
      }
      out.write(new byte[(int) ((BLOCK - sizeBytes % BLOCK) % BLOCK)]);
    }

    /** The header of POSIX.1-1988, ustar; a size beyond its digits in GNU's base-256 form. */
    private static byte[] header(String name, long sizeBytes) {
      byte[] header = new byte[BLOCK];
      put(header, 0, name);
      put(header, 100, "0000644");
      put(header, 108, "0000000");
      put(header, 116, "0000000");
      if (sizeBytes <= MAX_OCTAL) {
        put(header, 124, String.format(Locale.ROOT, "%011o", sizeBytes));
      } else {
        header[124] = (byte) 0x80;
        for (int i = 0; i < Long.BYTES; i++) {
          header[135 - i] = (byte) (sizeBytes >>> (8 * i));
        }
      }
      put(header, 136, "00000000000");
      put(header, 148, "        ");
      header[156] = '0';
      put(header, 257, "ustar");
      put(header, 263, "00");
      int sum = 0;
      for (byte value : header) {
        sum += value & 0xff;
      }
      put(header, 148, String.format(Locale.ROOT, "%06o", sum));
      header[154] = 0;
      return header;
    }

    private static void put(byte[] header, int offset, String text) {
      byte[] bytes = text.getBytes(US_ASCII);
      System.arraycopy(bytes, 0, header, offset, bytes.length);
    }

    @Override
    public void close() throws IOException {
      out.write(new byte[2 * BLOCK]);
      out.close();
    }
  }
}
