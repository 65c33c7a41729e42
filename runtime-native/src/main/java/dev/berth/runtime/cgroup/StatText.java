package dev.berth.runtime.cgroup;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * The text of a cgroup file, taken apart without making strings of it: at a hundred pods a list of
 * what they use reads a thousand such files.
 *
 * <p>A view of bytes that belong to someone else, valid as long as those stay as they are. Numbers
 * are decimal and not negative.
 */
final class StatText {
  /** A file that is not there. */
  static final StatText ABSENT = new StatText(new byte[0], 0, false);

  private static final String MAX = "max";

  private final byte[] bytes;
  private final int length;
  private final boolean present;

  private StatText(byte[] bytes, int length, boolean present) {
    this.bytes = bytes;
    this.length = length;
    this.present = present;
  }

  static StatText of(byte[] bytes, int length) {
    return new StatText(bytes, length, true);
  }

  static StatText of(String text) {
    byte[] bytes = text.getBytes(StandardCharsets.US_ASCII);
    return of(bytes, bytes.length);
  }

  boolean isPresent() {
    return present;
  }

  /** Returns the number the file consists of; empty for {@code max} and for a missing file. */
  OptionalLong number() {
    return length == 0 || startsWith(0, MAX) ? OptionalLong.empty() : OptionalLong.of(digits(0));
  }

  /** Returns the value of a line {@code KEY VALUE}. */
  OptionalLong value(String key) {
    return values(key)[0];
  }

  /** Returns the values of lines {@code KEY VALUE}, in the order of the keys, in one pass. */
  OptionalLong[] values(String... keys) {
    var found = new OptionalLong[keys.length];
    Arrays.fill(found, OptionalLong.empty());
    for (int line = 0; line < length; line = nextLine(line)) {
      for (int i = 0; i < keys.length; i++) {
        int end = line + keys[i].length();
        if (end < length && bytes[end] == ' ' && startsWith(line, keys[i])) {
          found[i] = OptionalLong.of(digits(end + 1));
        }
      }
    }
    return found;
  }

  /** Returns the lines, for the files that have few. */
  String[] lines() {
    String text = new String(bytes, 0, length, StandardCharsets.US_ASCII);
    return text.isBlank() ? new String[0] : text.strip().split("\n", -1);
  }

  /** Reads a {@code *.pressure} file; empty where the host does not account it. */
  Optional<Pressure> pressure() {
    if (!startsWith(0, "some ")) {
      return Optional.empty();
    }
    Pressure.Stall full = Pressure.Stall.NONE; // cpu had no full line before Linux 5.13
    int second = nextLine(0);
    if (startsWith(second, "full ")) {
      full = stall(second);
    }
    return Optional.of(new Pressure(stall(0), full));
  }

  /** Reads {@code some avg10=0.12 avg60=0.34 avg300=0.56 total=789}. */
  private Pressure.Stall stall(int line) {
    int avg10 = afterEquals(line);
    int avg60 = afterEquals(avg10);
    int avg300 = afterEquals(avg60);
    int total = afterEquals(avg300);
    return new Pressure.Stall(
        decimal(avg10),
        decimal(avg60),
        decimal(avg300),
        Math.multiplyExact(digits(total), 1000)); // microseconds
  }

  private int afterEquals(int from) {
    return after('=', from);
  }

  private int nextLine(int from) {
    return after('\n', from);
  }

  private int after(char wanted, int from) {
    int at = from;
    while (at < length && bytes[at] != wanted) {
      at++;
    }
    return at + 1;
  }

  private boolean startsWith(int at, String prefix) {
    if (at + prefix.length() > length) {
      return false;
    }
    for (int i = 0; i < prefix.length(); i++) {
      if (bytes[at + i] != prefix.charAt(i)) {
        return false;
      }
    }
    return true;
  }

  private long digits(int from) {
    int end = from;
    long value = 0;
    while (end < length && bytes[end] >= '0' && bytes[end] <= '9') {
      value = value * 10 + bytes[end] - '0';
      end++;
    }
    if (end == from) {
      throw new NumberFormatException("no number at byte " + from + " of a cgroup file");
    }
    return value;
  }

  /** Reads a number that has two digits behind the point, as the kernel prints them. */
  private double decimal(int from) {
    int point = after('.', from);
    return digits(from) + digits(point) / 100.0;
  }
}
