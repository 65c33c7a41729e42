package dev.berth.runtime.cgroup;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;

/** What the figures of both versions have in common. */
final class Figures {
  private static final Path HUGE_PAGES = Path.of("/sys/kernel/mm/hugepages");
  private static final String PREFIX = "hugepages-";

  private Figures() {}

  /** Returns {@code a - b}, not below zero; empty if either is. */
  static OptionalLong difference(OptionalLong a, OptionalLong b) {
    return a.isEmpty() || b.isEmpty()
        ? OptionalLong.empty()
        : OptionalLong.of(Math.max(0, a.getAsLong() - b.getAsLong()));
  }

  static OptionalLong times(OptionalLong value, long factor) {
    return value.isEmpty() ? value : OptionalLong.of(value.getAsLong() * factor);
  }

  /** Returns the sizes of huge pages that the host has, as cgroup files are named: {@code 2MB}. */
  static List<String> hugePageSizes() {
    List<String> sizes = new ArrayList<>();
    if (!Files.isDirectory(HUGE_PAGES)) {
      return sizes;
    }
    try (DirectoryStream<Path> directories = Files.newDirectoryStream(HUGE_PAGES, PREFIX + "*kB")) {
      for (Path directory : directories) {
        String name = String.valueOf(directory.getFileName());
        sizes.add(size(Long.parseLong(name.substring(PREFIX.length(), name.length() - 2))));
      }
    } catch (IOException e) {
      throw new UncheckedIOException("cannot list " + HUGE_PAGES, e);
    }
    return sizes;
  }

  /** Writes a size as mem_fmt() of mm/hugetlb_cgroup.c does. */
  static String size(long kilobytes) {
    if (kilobytes >= 1 << 20) {
      return (kilobytes >> 20) + "GB";
    }
    return kilobytes >= 1 << 10 ? (kilobytes >> 10) + "MB" : kilobytes + "KB";
  }
}
