package dev.berth.cri.config;

import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;
import static java.util.Objects.requireNonNull;

import dev.berth.base.BerthException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.tomlj.Toml;
import org.tomlj.TomlParseError;
import org.tomlj.TomlParseResult;
import org.tomlj.TomlPosition;
import org.tomlj.TomlTable;

/**
 * The TOML file: scalar settings and the {@code [handlers.NAME]} tables.
 *
 * <p>Who can write the file can run programs as root, so it must belong to root and nobody else may
 * write it (rule R27).
 */
record ConfigFile(Map<ConfigKey, ConfigValue> values, List<RuntimeHandler> handlers) {
  static final ConfigFile NONE = new ConfigFile(Map.of(), List.of());

  private static final String HANDLERS = "handlers";
  private static final String SHIM = "shim";
  private static final String OCI_RUNTIME = "oci_runtime";
  private static final String CNI_CONF_DIR = "cni_conf_dir";
  private static final String SANDBOX_TASK = "sandbox_task";
  private static final List<String> HANDLER_KEYS =
      List.of(SHIM, OCI_RUNTIME, CNI_CONF_DIR, SANDBOX_TASK);
  private static final int WRITABLE_BY_OTHERS = 0022;

  ConfigFile {
    values = Collections.unmodifiableMap(values);
    handlers = List.copyOf(handlers);
  }

  /**
   * Reads and checks a file.
   *
   * @throws BerthException INVALID_ARGUMENT naming file, line and column and, for an unknown key,
   *     the nearest known one
   */
  static ConfigFile read(Path file) {
    requireOwnedByRoot(file);
    try {
      return parse(file.toString(), Files.readString(file));
    } catch (IOException e) {
      throw new BerthException(INVALID_ARGUMENT, "config file " + file + ": " + reason(e), e);
    }
  }

  static ConfigFile parse(String fileName, String text) {
    TomlParseResult toml = Toml.parse(text);
    for (TomlParseError error : toml.errors()) {
      throw error(fileName, error.position(), requireNonNull(error.getMessage()));
    }
    return new Reader(fileName, toml).read();
  }

  private static void requireOwnedByRoot(Path file) {
    try {
      Map<String, Object> attributes =
          Files.readAttributes(file, "unix:uid,mode", new LinkOption[0]);
      int uid = (Integer) requireNonNull(attributes.get("uid"));
      int mode = (Integer) requireNonNull(attributes.get("mode"));
      if (uid != 0) {
        throw insecure(file, "must be owned by root, not by uid " + uid);
      }
      if ((mode & WRITABLE_BY_OTHERS) != 0) {
        throw insecure(
            file,
            "must be writable by root only, its mode is " + Integer.toOctalString(mode & 07777));
      }
    } catch (IOException e) {
      throw new BerthException(INVALID_ARGUMENT, "config file " + file + ": " + reason(e), e);
    }
  }

  private static BerthException insecure(Path file, String what) {
    return new BerthException(INVALID_ARGUMENT, "config file " + file + " " + what);
  }

  private static String reason(IOException e) {
    return e instanceof NoSuchFileException ? "no such file" : String.valueOf(e.getMessage());
  }

  private static BerthException error(
      String fileName, @Nullable TomlPosition position, String message) {
    String where =
        position == null ? fileName : fileName + ":" + position.line() + ":" + position.column();
    return new BerthException(INVALID_ARGUMENT, where + ": " + message);
  }

  /** Walks a parsed file; holds what every error needs. */
  private record Reader(String fileName, TomlTable toml) {
    ConfigFile read() {
      Map<ConfigKey, ConfigValue> values = new EnumMap<>(ConfigKey.class);
      List<RuntimeHandler> handlers = new ArrayList<>();
      for (String name : toml.keySet()) {
        if (name.equals(HANDLERS)) {
          TomlTable tables = table(toml, HANDLERS);
          tables.keySet().forEach(handler -> handlers.add(handler(tables, handler)));
        } else {
          ConfigKey key =
              ConfigKey.byKey(name)
                  .orElseThrow(() -> unknown(toml, name, withHandlers(ConfigKey.keys())));
          values.put(key, scalar(key));
        }
      }
      return new ConfigFile(values, handlers);
    }

    private static List<String> withHandlers(List<String> keys) {
      return Stream.concat(keys.stream(), Stream.of(HANDLERS)).toList();
    }

    private ConfigValue scalar(ConfigKey key) {
      Object value = requireNonNull(toml.get(List.of(key.key())));
      boolean fits =
          switch (key.kind()) {
            case TEXT -> value instanceof String;
            case FLAG -> value instanceof Boolean;
          };
      if (!fits) {
        throw wrongType(toml, key.key(), key.kind().description(), value);
      }
      return new ConfigValue(value.toString(), where(toml, key.key()) + ": " + key.key());
    }

    private RuntimeHandler handler(TomlTable tables, String name) {
      TomlTable handler = table(tables, name);
      for (String key : handler.keySet()) {
        if (!HANDLER_KEYS.contains(key)) {
          throw unknown(handler, key, HANDLER_KEYS);
        }
      }
      if (!handler.contains(List.of(SHIM))) {
        throw error(fileName, position(tables, name), "handlers." + name + " needs a shim");
      }
      return new RuntimeHandler(
          name,
          text(handler, SHIM),
          optionalPath(handler, OCI_RUNTIME),
          optionalPath(handler, CNI_CONF_DIR),
          flag(handler, SANDBOX_TASK));
    }

    /** Returns whether a flag is set; one that is absent is not. */
    private boolean flag(TomlTable table, String key) {
      Object value = table.get(List.of(key));
      if (value == null) {
        return false;
      }
      if (value instanceof Boolean flag) {
        return flag;
      }
      throw wrongType(table, key, "true or false", value);
    }

    private Optional<Path> optionalPath(TomlTable table, String key) {
      return table.contains(List.of(key)) ? Optional.of(path(table, key)) : Optional.empty();
    }

    private Path path(TomlTable table, String key) {
      String text = text(table, key);
      if (!text.startsWith("/")) {
        throw error(fileName, position(table, key), key + " must be an absolute path");
      }
      return Path.of(text);
    }

    private String text(TomlTable table, String key) {
      Object value = requireNonNull(table.get(List.of(key)));
      if (value instanceof String text) {
        return text;
      }
      throw wrongType(table, key, "a string", value);
    }

    private TomlTable table(TomlTable parent, String key) {
      Object value = requireNonNull(parent.get(List.of(key)));
      if (value instanceof TomlTable table) {
        return table;
      }
      throw wrongType(parent, key, "a table", value);
    }

    private BerthException unknown(TomlTable table, String key, List<String> known) {
      return error(
          fileName,
          position(table, key),
          "unknown key " + key + "; did you mean " + NearestName.of(key, known) + "?");
    }

    private BerthException wrongType(TomlTable table, String key, String wanted, Object value) {
      String found =
          switch (value) {
            case TomlTable _ -> "a table";
            case String _ -> "a string";
            case Boolean _ -> "a boolean";
            case Long _ -> "an integer";
            case Double _ -> "a float";
            default -> "something else";
          };
      return error(fileName, position(table, key), key + " must be " + wanted + ", not " + found);
    }

    private String where(TomlTable table, String key) {
      TomlPosition position = position(table, key);
      return position == null
          ? fileName
          : fileName + ":" + position.line() + ":" + position.column();
    }

    private static @Nullable TomlPosition position(TomlTable table, String key) {
      return table.inputPositionOf(List.of(key));
    }
  }
}
