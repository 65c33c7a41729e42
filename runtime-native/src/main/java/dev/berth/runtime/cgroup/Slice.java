package dev.berth.runtime.cgroup;

import dev.berth.base.BerthException;
import dev.berth.base.BerthException.Kind;
import dev.berth.base.Ids;
import java.util.regex.Pattern;

/**
 * A slice of systemd: a group of units, whose name tells where it is. Each dash is a level, so
 * {@code a-b.slice} is below {@code a.slice}; see systemd.slice(5). Valid by construction.
 *
 * @param name with its suffix
 */
public record Slice(String name) {
  /** What every slice's name ends with. */
  public static final String SUFFIX = ".slice";

  /** The slice that all others are in. */
  private static final String ROOT = "-";

  // systemd.unit(5); the backslash begins an escape
  private static final Pattern NAME = Pattern.compile("[A-Za-z0-9_.\\\\@]+(-[A-Za-z0-9_.\\\\@]+)*");
  private static final int MAX_LENGTH = 255;

  /**
   * Checks the name.
   *
   * @throws BerthException INVALID_ARGUMENT
   */
  public Slice {
    boolean valid = name.endsWith(SUFFIX) && name.length() <= MAX_LENGTH;
    if (valid) {
      String stem = stem(name);
      valid = stem.equals(ROOT) || (NAME.matcher(stem).matches() && !stem.startsWith("."));
    }
    if (!valid) {
      throw new BerthException(
          Kind.INVALID_ARGUMENT,
          "\"" + Ids.printable(name) + "\" is not the name of a slice, such as a-b.slice");
    }
  }

  private static String stem(String name) {
    return name.substring(0, name.length() - SUFFIX.length());
  }

  /** Returns the path of the group from the root of the hierarchies, empty for the root slice. */
  public String relativePath() {
    String stem = stem(name);
    if (stem.equals(ROOT)) {
      return "";
    }
    StringBuilder path = new StringBuilder();
    for (int dash = stem.indexOf('-'); dash >= 0; dash = stem.indexOf('-', dash + 1)) {
      path.append(stem, 0, dash).append(SUFFIX).append('/');
    }
    return path.append(name).toString();
  }

  /** Returns a slice directly below this one. */
  public Slice child(String stem) {
    String own = stem(name);
    return new Slice((own.equals(ROOT) ? "" : own + "-") + stem + SUFFIX);
  }

  @Override
  public String toString() {
    return name;
  }
}
