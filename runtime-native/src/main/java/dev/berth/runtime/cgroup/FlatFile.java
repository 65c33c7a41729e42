package dev.berth.runtime.cgroup;

import java.util.Optional;
import java.util.OptionalLong;

/** Reads numbers from the text of cgroup files. */
final class FlatFile {
  private FlatFile() {}

  /** Returns the number a file consists of; empty for {@code max} and for a missing file. */
  static OptionalLong number(Optional<String> file) {
    return file.isEmpty() || file.get().equals("max")
        ? OptionalLong.empty()
        : OptionalLong.of(Long.parseLong(file.get()));
  }

  /** Returns the value of a line {@code KEY VALUE}. */
  static OptionalLong value(Optional<String> file, String key) {
    if (file.isEmpty()) {
      return OptionalLong.empty();
    }
    String text = file.get();
    int start = text.startsWith(key + " ") ? 0 : text.indexOf("\n" + key + " ") + 1;
    if (start == 0 && !text.startsWith(key + " ")) {
      return OptionalLong.empty();
    }
    int from = start + key.length() + 1;
    int end = text.indexOf('\n', from);
    return OptionalLong.of(Long.parseLong(text.substring(from, end < 0 ? text.length() : end)));
  }
}
