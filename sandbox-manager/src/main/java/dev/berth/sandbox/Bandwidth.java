package dev.berth.sandbox;

import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;

import com.google.gson.JsonObject;
import dev.berth.base.BerthException;
import dev.berth.base.Ids;
import java.math.BigDecimal;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The limits of a pod's traffic, from the annotations by which Kubernetes carries them: quantities
 * such as {@code 10M}, in bits per second.
 */
final class Bandwidth {
  private static final Pattern QUANTITY =
      Pattern.compile("([0-9]{1,15}(?:\\.[0-9]{1,9})?)(k|[KMGT]i|[MGT]|)");
  private static final Map<String, Long> UNITS =
      Map.of(
          "", 1L,
          "k", 1_000L,
          "M", 1_000_000L,
          "G", 1_000_000_000L,
          "T", 1_000_000_000_000L,
          "Ki", 1L << 10,
          "Mi", 1L << 20,
          "Gi", 1L << 30,
          "Ti", 1L << 40);

  /** As much as may be sent at once: the plugin refuses none, and this is what others give. */
  private static final long BURST_BITS = Integer.MAX_VALUE;

  private Bandwidth() {}

  /**
   * Returns the argument of the capability {@code bandwidth}; without members if nothing is
   * limited.
   *
   * @throws BerthException INVALID_ARGUMENT naming the annotation
   */
  static JsonObject of(Map<String, String> annotations) {
    JsonObject limits = new JsonObject();
    add(limits, "ingress", annotations.get("kubernetes.io/ingress-bandwidth"));
    add(limits, "egress", annotations.get("kubernetes.io/egress-bandwidth"));
    return limits;
  }

  private static void add(JsonObject limits, String direction, @Nullable String quantity) {
    if (quantity == null) {
      return;
    }
    limits.addProperty(direction + "Rate", bits(direction, quantity));
    limits.addProperty(direction + "Burst", BURST_BITS);
  }

  private static long bits(String direction, String quantity) {
    Matcher matcher = QUANTITY.matcher(quantity);
    if (!matcher.matches()) {
      throw new BerthException(
          INVALID_ARGUMENT,
          "annotation kubernetes.io/"
              + direction
              + "-bandwidth \""
              + Ids.printable(quantity)
              + "\" is not a quantity");
    }
    return new BigDecimal(matcher.group(1))
        .multiply(BigDecimal.valueOf(UNITS.getOrDefault(matcher.group(2), 1L)))
        .longValue();
  }
}
