package dev.berth.image.unpack;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveOutputStream;
import org.apache.commons.compress.archivers.tar.TarConstants;

/** Builds tar archives for tests, hostile ones included. */
public final class Tars {
  /** Every entry has this time unless told otherwise. */
  public static final long TIME = 1_700_000_000;

  private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
  private final TarArchiveOutputStream out;

  public Tars() {
    this(TarArchiveOutputStream.LONGFILE_POSIX);
  }

  public Tars(int longFileMode) {
    out = new TarArchiveOutputStream(bytes, "UTF-8");
    out.setLongFileMode(longFileMode);
    out.setBigNumberMode(
        longFileMode == TarArchiveOutputStream.LONGFILE_GNU
            ? TarArchiveOutputStream.BIGNUMBER_STAR
            : TarArchiveOutputStream.BIGNUMBER_POSIX);
    out.setAddPaxHeadersForNonAsciiNames(longFileMode == TarArchiveOutputStream.LONGFILE_POSIX);
  }

  /** An entry under construction, of mode 0644 or 0755, owner 0:0. */
  public static TarArchiveEntry entry(String name, byte type) {
    var entry = new TarArchiveEntry(name, type, true);
    entry.setMode(type == TarConstants.LF_DIR ? 0755 : 0644);
    entry.setIds(0, 0);
    entry.setLastModifiedTime(FileTime.from(Instant.ofEpochSecond(TIME)));
    return entry;
  }

  public Tars file(String name, String content) {
    return add(entry(name, TarConstants.LF_NORMAL), content.getBytes(UTF_8));
  }

  public Tars file(String name, int mode, byte[] content) {
    var entry = entry(name, TarConstants.LF_NORMAL);
    entry.setMode(mode);
    return add(entry, content);
  }

  public Tars directory(String name) {
    return directory(name, 0755);
  }

  public Tars directory(String name, int mode) {
    var entry = entry(name.endsWith("/") ? name : name + "/", TarConstants.LF_DIR);
    entry.setMode(mode);
    return add(entry, new byte[0]);
  }

  public Tars symlink(String name, String target) {
    var entry = entry(name, TarConstants.LF_SYMLINK);
    entry.setLinkName(target);
    return add(entry, new byte[0]);
  }

  public Tars hardLink(String name, String target) {
    var entry = entry(name, TarConstants.LF_LINK);
    entry.setLinkName(target);
    return add(entry, new byte[0]);
  }

  public Tars device(String name, byte type, int major, int minor) {
    var entry = entry(name, type);
    entry.setDevMajor(major);
    entry.setDevMinor(minor);
    return add(entry, new byte[0]);
  }

  public Tars add(TarArchiveEntry entry, byte[] content) {
    try {
      entry.setSize(content.length);
      out.putArchiveEntry(entry);
      out.write(content);
      out.closeArchiveEntry();
      return this;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  public byte[] bytes() {
    try {
      out.finish();
      return bytes.toByteArray();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
