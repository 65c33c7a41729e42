package dev.berth.sandbox.cni;

import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;

import dev.berth.base.BerthException;
import dev.berth.base.Ids;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * The variable {@code CNI_ARGS}: {@code KEY=value} pairs between semicolons, without any way to
 * quote one. So a key or value that could read back as another pair is refused (rules R8, R9).
 */
public final class CniArgs {
  /** No arguments. */
  public static final CniArgs NONE = new CniArgs(Map.of());

  private final Map<String, String> pairs;

  private CniArgs(Map<String, String> pairs) {
    this.pairs = pairs;
  }

  /**
   * Returns these arguments and one more.
   *
   * @throws BerthException INVALID_ARGUMENT naming the key
   */
  public CniArgs with(String key, String value) {
    if (key.isEmpty() || !isPlain(key) || !isPlain(value)) {
      throw new BerthException(
          INVALID_ARGUMENT,
          "CNI_ARGS: "
              + Ids.printable(key)
              + " \""
              + Ids.printable(value)
              + "\" holds a separator, a blank or a control character");
    }
    Map<String, String> more = new LinkedHashMap<>(pairs);
    more.put(key, value);
    return new CniArgs(more);
  }

  private static boolean isPlain(String text) {
    return text.chars().allMatch(c -> c > ' ' && c < 0x7F && c != ';' && c != '=');
  }

  /** Returns the arguments by key, in their order. */
  Map<String, String> pairs() {
    return Collections.unmodifiableMap(pairs);
  }

  /** Returns the value of the variable. */
  @Override
  public String toString() {
    return pairs.entrySet().stream()
        .map(pair -> pair.getKey() + "=" + pair.getValue())
        .collect(Collectors.joining(";"));
  }
}
