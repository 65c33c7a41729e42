package dev.berth.cri.config;

/** Prints the settings, as a file that could be edited and given to {@code --config} too. */
public final class DefaultConfig {
  private DefaultConfig() {}

  /** Returns every key with its meaning and default, as TOML. */
  public static String text() {
    StringBuilder out = new StringBuilder();
    for (ConfigKey key : ConfigKey.values()) {
      key.meaning().forEach(line -> out.append("# ").append(line).append('\n'));
      out.append(key.key()).append(" = ").append(literal(key)).append("\n\n");
    }
    return out.append(handlers()).toString();
  }

  /** Returns how {@code berthd} is called: every flag with its meaning and default. */
  public static String usage() {
    StringBuilder out = new StringBuilder();
    out.append("usage: berthd [--config FILE] [--FLAG VALUE]...\n\n");
    out.append("  --config FILE\n      TOML with these settings; the flags win. Empty: no file.\n");
    for (ConfigKey key : ConfigKey.values()) {
      out.append("  ").append(key.flag()).append(" (").append(literal(key)).append(")\n");
      key.meaning().forEach(line -> out.append("      ").append(line).append('\n'));
    }
    return out.append("  --version, --help\n").toString();
  }

  private static String literal(ConfigKey key) {
    String text = key.defaultValue().text();
    return switch (key.kind()) {
      case TEXT -> "\"" + text + "\"";
      case FLAG -> text;
    };
  }

  private static String handlers() {
    return """
    # Ways to run pods, by the name that a RuntimeClass gives.
    [handlers.%s]
    # The shim v2 binary: a path, or a name beside berthd or in PATH.
    shim = "%s"
    # The program that runc's shim is to call, a path; absent: the shim's default.
    # oci_runtime = "/usr/bin/crun"
    # Where the CNI network of its pods is described; absent: cni_conf_dir.
    # cni_conf_dir = "/etc/cni/other.d"
    # Whether the shim wants a task for the pod itself, before those of its containers, as gVisor's
    # own and Kata's do.
    # sandbox_task = false
    """
        .formatted(RuntimeHandler.BERTH.name(), RuntimeHandler.BERTH.shim());
  }
}
