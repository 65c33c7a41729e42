package dev.berth.base;

import java.security.SecureRandom;
import java.util.HexFormat;
import java.util.regex.Pattern;

/**
 * Makes and checks identifiers.
 *
 * <p>Sandbox and container ids are 64 lower-case hex digits: log shippers cut an id after the last
 * {@code -} of a file name, and cAdvisor matches exactly this form. Ids that come from outside end
 * up in paths, so {@link #requireName} accepts only what cannot leave a directory (rule R11).
 */
public final class Ids {
  private static final SecureRandom RANDOM = new SecureRandom();
  private static final Pattern NAME = Pattern.compile("[A-Za-z0-9_+-][A-Za-z0-9_+.-]{0,1023}");

  private Ids() {}

  /** Returns a fresh id of 64 lower-case hex digits. */
  public static String generate() {
    byte[] bytes = new byte[32];
    RANDOM.nextBytes(bytes);
    return HexFormat.of().formatHex(bytes);
  }

  /**
   * Returns {@code value} if it can be one component of a path, as the OCI runtimes define a
   * container id.
   *
   * @param field what the value is, for the error: {@code "container id"}
   * @throws BerthException INVALID_ARGUMENT naming the field, with control characters made visible
   */
  public static String requireName(String field, String value) {
    if (!NAME.matcher(value).matches()) {
      throw new BerthException(
          BerthException.Kind.INVALID_ARGUMENT,
          field
              + " \""
              + printable(value)
              + "\" must be letters, digits, '_', '+', '-' or '.' and not begin with '.'");
    }
    return value;
  }

  /** Returns {@code value} shortened to 80 characters and with control characters escaped. */
  public static String printable(String value) {
    StringBuilder out = new StringBuilder();
    value
        .codePoints()
        .limit(80)
        .forEach(c -> {
          if (Character.isISOControl(c)) {
            out.append(String.format("\\u%04x", c));
          } else {
            out.appendCodePoint(c);
          }
        });
    return value.codePointCount(0, value.length()) > 80 ? out + "..." : out.toString();
  }
}
