package dev.berth.image.unpack;

import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;
import static java.nio.charset.StandardCharsets.ISO_8859_1;

import dev.berth.base.BerthException;
import dev.berth.runtime.kernel.ByteNames;
import dev.berth.runtime.kernel.UnixTime;
import java.util.Base64;
import java.util.Map;
import java.util.function.BiConsumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** The records of a PAX extended header: {@code "LENGTH KEY=VALUE\n"}. See pax(1p). */
final class PaxRecords {
  private static final String SCHILY_XATTR = "SCHILY.xattr.";
  private static final String LIBARCHIVE_XATTR = "LIBARCHIVE.xattr.";
  private static final Pattern TIME = Pattern.compile("(-?)(\\d{1,18})(?:\\.(\\d*))?");

  private PaxRecords() {}

  /** Gives every record to {@code sink}; keys and values have one character per byte. */
  static void parse(byte[] payload, BiConsumer<String, String> sink) {
    String text = new String(payload, ISO_8859_1);
    int at = 0;
    while (at < text.length() && text.charAt(at) != 0) {
      int space = text.indexOf(' ', at);
      if (space < 0 || space - at > 8) {
        throw TarReader.invalid("an extended header has a record without a length");
      }
      long end = at + decimal("record length", text.substring(at, space));
      int equals = text.indexOf('=', space);
      if (equals < 0
          || end > text.length()
          || end <= equals
          || text.charAt((int) end - 1) != '\n') {
        throw TarReader.invalid("an extended header has a record of the wrong length");
      }
      sink.accept(text.substring(space + 1, equals), text.substring(equals + 1, (int) end - 1));
      at = (int) end;
    }
  }

  /** Stores the record if it is an extended attribute. */
  static boolean putXattr(Map<String, byte[]> xattrs, String key, String value) {
    if (key.startsWith(SCHILY_XATTR)) {
      put(xattrs, key.substring(SCHILY_XATTR.length()), value.getBytes(ISO_8859_1));
      return true;
    }
    if (key.startsWith(LIBARCHIVE_XATTR)) {
      // bsdtar writes both; the other form has no encoding to get wrong.
      xattrs.computeIfAbsent(
          percentDecoded(key.substring(LIBARCHIVE_XATTR.length())), _ -> base64(key, value));
      return true;
    }
    return false;
  }

  private static void put(Map<String, byte[]> xattrs, String name, byte[] value) {
    if (name.isEmpty()
        || name.length() > UnpackLimits.MAX_NAME_BYTES
        || name.indexOf('\0') >= 0
        || value.length > UnpackLimits.MAX_XATTR_BYTES) {
      throw TarReader.invalid(
          "extended attribute \"" + ByteNames.readable(name) + "\" of " + value.length + " bytes");
    }
    xattrs.put(name, value);
  }

  private static byte[] base64(String key, String value) {
    try {
      byte[] decoded = Base64.getDecoder().decode(value);
      if (decoded.length <= UnpackLimits.MAX_XATTR_BYTES) {
        return decoded;
      }
    } catch (IllegalArgumentException e) {
      throw TarReader.invalid("extended header " + ByteNames.readable(key) + " is not base64");
    }
    throw TarReader.invalid("extended header " + ByteNames.readable(key) + " is too long");
  }

  private static String percentDecoded(String text) {
    var out = new StringBuilder();
    for (int i = 0; i < text.length(); i++) {
      if (text.charAt(i) == '%' && i + 2 < text.length()) {
        try {
          out.append((char) Integer.parseInt(text, i + 1, i + 3, 16));
        } catch (NumberFormatException e) {
          throw TarReader.invalid("extended attribute name \"" + ByteNames.readable(text) + "\"");
        }
        i += 2;
      } else {
        out.append(text.charAt(i));
      }
    }
    if (out.indexOf("\0") >= 0 || out.isEmpty() || out.length() > UnpackLimits.MAX_NAME_BYTES) {
      throw TarReader.invalid("extended attribute name \"" + ByteNames.readable(text) + "\"");
    }
    return out.toString();
  }

  static long decimal(String key, String value) {
    try {
      long number = Long.parseLong(value);
      if (number >= 0 && value.charAt(0) != '+') {
        return number;
      }
    } catch (NumberFormatException e) {
      throw notANumber(key, value, e);
    }
    throw notANumber(key, value, null);
  }

  private static RuntimeException notANumber(String key, String value, @Nullable Throwable cause) {
    return new BerthException(
        INVALID_ARGUMENT,
        "extended header "
            + ByteNames.readable(key)
            + " is not a number: \""
            + ByteNames.readable(value)
            + "\"",
        cause);
  }

  /** Parses seconds with a fraction; times before the epoch count their nanoseconds upwards. */
  static UnixTime time(String value) {
    Matcher matcher = TIME.matcher(value);
    if (!matcher.matches()) {
      throw TarReader.invalid("extended header mtime: \"" + ByteNames.readable(value) + "\"");
    }
    long seconds = Long.parseLong(matcher.group(2));
    String fraction = matcher.group(3) == null ? "" : matcher.group(3);
    int nanos = Integer.parseInt((fraction + "000000000").substring(0, 9));
    if (matcher.group(1).isEmpty()) {
      return new UnixTime(seconds, nanos);
    }
    return nanos == 0
        ? new UnixTime(-seconds, 0)
        : new UnixTime(-seconds - 1, 1_000_000_000 - nanos);
  }
}
