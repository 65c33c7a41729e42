package dev.berth.cri.config;

import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;

import dev.berth.base.BerthException;
import java.util.ArrayDeque;
import java.util.Collections;
import java.util.Deque;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The command line of {@code berthd}: {@code --key value} or {@code --key=value}.
 *
 * <p>Read by hand: a command-line library costs a daemon more memory than its flags are worth.
 *
 * @param configFile what {@code --config} names; an empty name asks for no file at all; null when
 *     the flag is absent
 */
record ConfigFlags(@Nullable String configFile, Map<ConfigKey, ConfigValue> values) {
  static final String CONFIG = "--config";

  ConfigFlags {
    values = Collections.unmodifiableMap(values);
  }

  /**
   * Reads the arguments.
   *
   * @throws BerthException INVALID_ARGUMENT naming the argument and the nearest flag
   */
  static ConfigFlags parse(List<String> arguments) {
    Deque<String> rest = new ArrayDeque<>(arguments);
    Map<ConfigKey, ConfigValue> values = new EnumMap<>(ConfigKey.class);
    String configFile = null;
    while (!rest.isEmpty()) {
      String argument = rest.pop();
      int equals = argument.indexOf('=');
      String flag = equals < 0 ? argument : argument.substring(0, equals);
      @Nullable String attached = equals < 0 ? null : argument.substring(equals + 1);
      if (flag.equals(CONFIG)) {
        configFile = attached != null ? attached : next(flag, rest);
      } else {
        ConfigKey key = known(flag);
        values.put(key, new ConfigValue(value(key, attached, rest), flag));
      }
    }
    return new ConfigFlags(configFile, values);
  }

  private static ConfigKey known(String flag) {
    Optional<ConfigKey> key = ConfigKey.byFlag(flag);
    if (key.isPresent()) {
      return key.get();
    }
    List<String> flags = Stream.concat(Stream.of(CONFIG), ConfigKey.flags().stream()).toList();
    throw new BerthException(
        INVALID_ARGUMENT,
        "unknown flag " + flag + "; did you mean " + NearestName.of(flag, flags) + "?");
  }

  private static String value(ConfigKey key, @Nullable String attached, Deque<String> rest) {
    if (attached != null) {
      return attached;
    }
    return key.kind() == ConfigKey.Kind.FLAG ? "true" : next(key.flag(), rest);
  }

  private static String next(String flag, Deque<String> rest) {
    if (rest.isEmpty()) {
      throw new BerthException(INVALID_ARGUMENT, "flag " + flag + " needs a value");
    }
    return rest.pop();
  }
}
