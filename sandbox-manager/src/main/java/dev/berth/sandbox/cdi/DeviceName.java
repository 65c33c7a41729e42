package dev.berth.sandbox.cdi;

import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;

import dev.berth.base.BerthException;
import dev.berth.base.Ids;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The qualified name of a device.
 *
 * @param kind vendor and class, {@code vendor.com/class}
 * @param device the name among those of its kind
 */
record DeviceName(String kind, String device) {
  private static final String VENDOR = "[A-Za-z]([A-Za-z0-9_.-]*[A-Za-z0-9])?";
  private static final String CLASS = "[A-Za-z]([A-Za-z0-9_-]*[A-Za-z0-9])?";
  private static final String DEVICE = "[A-Za-z0-9]([A-Za-z0-9_.:-]*[A-Za-z0-9])?";

  private static final Pattern KIND = Pattern.compile(VENDOR + "/" + CLASS);
  private static final Pattern QUALIFIED =
      Pattern.compile("(?<kind>" + KIND + ")=(?<device>" + DEVICE + ")");

  /**
   * Reads a name.
   *
   * @throws BerthException INVALID_ARGUMENT if it is none
   */
  static DeviceName parse(String text) {
    Matcher matcher = QUALIFIED.matcher(text);
    if (!matcher.matches()) {
      throw new BerthException(
          INVALID_ARGUMENT,
          "CDI device \"" + Ids.printable(text) + "\" is not named like vendor.com/class=name");
    }
    return new DeviceName(matcher.group("kind"), matcher.group("device"));
  }

  static boolean isKind(String text) {
    return KIND.matcher(text).matches();
  }

  static boolean isDevice(String text) {
    return text.matches(DEVICE);
  }

  @Override
  public String toString() {
    return kind + "=" + device;
  }
}
