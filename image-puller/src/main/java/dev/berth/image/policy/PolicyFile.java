package dev.berth.image.policy;

import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;

import dev.berth.base.BerthException;
import dev.berth.base.Ids;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.tomlj.Toml;
import org.tomlj.TomlArray;
import org.tomlj.TomlParseResult;
import org.tomlj.TomlTable;

/**
 * Reads a policy. What it does not understand is an error, and so is a file that cannot be read:
 * nothing is accepted by mistake.
 *
 * <pre>
 * default = "reject"                          # or "accept", which it is if nothing is said
 *
 * [[rule]]                                    # the first that fits counts
 * repository = "registry.example/prod/*"      # * stands for anything
 * action = "require-signature"                # or "accept", "reject"
 * keys = ["/etc/berth/keys/prod.pub"]         # PEM; one of them must have signed
 * </pre>
 */
final class PolicyFile {
  private static final Set<String> TOP_KEYS = Set.of("default", "rule");
  private static final Set<String> RULE_KEYS = Set.of("repository", "action", "keys");

  private final Path file;

  private PolicyFile(Path file) {
    this.file = file;
  }

  static ImagePolicy read(Path file) {
    TomlParseResult top;
    try {
      top = Toml.parse(file);
    } catch (IOException e) {
      throw new BerthException(
          INVALID_ARGUMENT, "cannot read image policy " + file + ": " + e.getMessage(), e);
    }
    if (top.hasErrors()) {
      var error = top.errors().getFirst();
      throw new BerthException(
          INVALID_ARGUMENT,
          file
              + " line "
              + error.position().line()
              + ": "
              + Ids.printable(String.valueOf(error.getMessage())));
    }
    return new PolicyFile(file).policy(top);
  }

  private ImagePolicy policy(TomlTable top) {
    requireKnown(top, TOP_KEYS, "");
    PolicyRule otherwise = rule("default", text(top, "default", "", "accept"), List.of());
    if (otherwise instanceof PolicyRule.RequireSignature) {
      throw wrong("default", "must be accept or reject");
    }
    List<ImagePolicy.Entry> entries = new ArrayList<>();
    TomlArray rules = top.isArray("rule") ? top.getArray("rule") : null;
    if (rules == null && top.contains("rule")) {
      throw wrong("rule", "must be an array of tables, [[rule]]");
    }
    for (int i = 0; rules != null && i < rules.size(); i++) {
      if (!(rules.get(i) instanceof TomlTable table)) {
        throw wrong("rule[" + i + "]", "must be a table");
      }
      entries.add(entry(table, "rule[" + i + "]."));
    }
    return new ImagePolicy(entries, otherwise);
  }

  private ImagePolicy.Entry entry(TomlTable table, String where) {
    requireKnown(table, RULE_KEYS, where);
    String repository = text(table, "repository", where, null);
    String action = text(table, "action", where, null);
    return new ImagePolicy.Entry(repository, rule(where + "action", action, keys(table, where)));
  }

  private List<Path> keys(TomlTable table, String where) {
    if (!table.contains("keys")) {
      return List.of();
    }
    List<Path> keys = new ArrayList<>();
    TomlArray array = table.isArray("keys") ? table.getArray("keys") : null;
    for (int i = 0; array != null && i < array.size(); i++) {
      if (!(array.get(i) instanceof String path) || !path.startsWith("/")) {
        throw wrong(where + "keys[" + i + "]", "must be an absolute path");
      }
      keys.add(Path.of(path));
    }
    if (keys.isEmpty()) {
      throw wrong(where + "keys", "must be a list of files");
    }
    return keys;
  }

  private PolicyRule rule(String where, String action, List<Path> keys) {
    boolean signed = action.equals("require-signature");
    if (signed == keys.isEmpty()) {
      throw wrong(where, signed ? "needs keys" : "has keys, but asks for no signature");
    }
    return switch (action) {
      case "accept" -> new PolicyRule.Accept();
      case "reject" -> new PolicyRule.Reject();
      case "require-signature" -> new PolicyRule.RequireSignature(keys);
      default -> throw wrong(where, "must be accept, reject or require-signature");
    };
  }

  private String text(TomlTable table, String key, String where, @Nullable String otherwise) {
    if (otherwise != null && !table.contains(key)) {
      return otherwise;
    }
    if (!table.isString(key)) {
      throw wrong(where + key, "must be a string");
    }
    return String.valueOf(table.getString(key));
  }

  private void requireKnown(TomlTable table, Set<String> known, String where) {
    for (String key : table.keySet()) {
      if (!known.contains(key)) {
        throw wrong(where + Ids.printable(key), "is not known");
      }
    }
  }

  private BerthException wrong(String what, String why) {
    return new BerthException(INVALID_ARGUMENT, file + ": " + what + " " + why);
  }
}
