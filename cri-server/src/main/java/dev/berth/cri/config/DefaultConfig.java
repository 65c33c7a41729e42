package dev.berth.cri.config;

/** Prints the settings as a file that could be edited and given to {@code --config}. */
public final class DefaultConfig {
  private DefaultConfig() {}

  /** Returns every key with its meaning and default, as TOML. */
  public static String text() {
    StringBuilder out = new StringBuilder();
    for (ConfigKey key : ConfigKey.values()) {
      key.meaning().forEach(line -> out.append("# ").append(line).append('\n'));
      out.append(key.key()).append(" = ").append(literal(key)).append("\n\n");
    }
    RuntimeHandler own = RuntimeHandler.BERTH;
    return out.append("# Ways to run pods, by the name that a RuntimeClass gives.\n")
        .append("[handlers.")
        .append(own.name())
        .append("]\n")
        .append("# The shim v2 binary: a path, or a name beside berthd or in PATH.\n")
        .append("shim = \"")
        .append(own.shim())
        .append("\"\n\n")
        .append("# Handed to the shim as they are.\n")
        .append("[handlers.")
        .append(own.name())
        .append(".options]\n")
        .toString();
  }

  private static String literal(ConfigKey key) {
    String text = key.defaultValue().text();
    return switch (key.kind()) {
      case TEXT -> "\"" + text + "\"";
      case FLAG -> text;
    };
  }
}
