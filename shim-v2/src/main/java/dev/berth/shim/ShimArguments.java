package dev.berth.shim;

import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;

import dev.berth.base.BerthException;
import dev.berth.base.Ids;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The command line by which a runtime starts a shim. Flags are written as Go's flag package takes
 * them: one dash or two, value after a space or an equals sign.
 *
 * @param address of the runtime, which tells several of them apart
 * @param bundle directory of the container; the working directory unless given
 */
record ShimArguments(
    Verb verb,
    String namespace,
    String address,
    String publishBinary,
    String id,
    Path bundle,
    boolean debug) {
  /** What the process is to do. */
  enum Verb {
    /** Make sure that a shim serves, print its address, end. */
    START,
    /** Free what a lost shim left of one container, print how it ended, end. */
    DELETE,
    /** Be the shim. */
    SERVE,
    VERSION,
    INFO
  }

  /**
   * Reads the command line.
   *
   * @throws BerthException INVALID_ARGUMENT naming the flag
   */
  static ShimArguments parse(List<String> arguments) {
    return new Parser(arguments.iterator()).parse();
  }

  private static final class Parser {
    private final Iterator<String> words;
    private Verb verb = Verb.SERVE;
    private String namespace = "";
    private String address = "";
    private String publishBinary = "";
    private String id = "";
    private String bundle = "";
    private boolean debug;

    Parser(Iterator<String> words) {
      this.words = words;
    }

    ShimArguments parse() {
      while (words.hasNext()) {
        String word = words.next();
        if (word.startsWith("-")) {
          flag(word);
        } else {
          verb = verb(word);
        }
      }
      Path directory = Path.of(bundle).toAbsolutePath();
      return new ShimArguments(verb, namespace, address, publishBinary, id, directory, debug);
    }

    private static Verb verb(String word) {
      return switch (word) {
        case "start" -> Verb.START;
        case "delete" -> Verb.DELETE;
        default -> throw bad("unknown command \"" + Ids.printable(word) + "\"");
      };
    }

    private void flag(String word) {
      String flag = word.startsWith("--") ? word.substring(2) : word.substring(1);
      int equals = flag.indexOf('=');
      String name = equals < 0 ? flag : flag.substring(0, equals);
      String given = equals < 0 ? null : flag.substring(equals + 1);
      switch (name) {
        case "namespace" -> namespace = value(name, given);
        case "address" -> address = value(name, given);
        case "publish-binary" -> publishBinary = value(name, given);
        case "id" -> id = Ids.requireName("-id", value(name, given));
        case "bundle" -> bundle = value(name, given);
        case "debug" -> debug = given == null || Boolean.parseBoolean(given);
        case "v", "version" -> verb = Verb.VERSION;
        case "info" -> verb = Verb.INFO;
        // A socket of its own is what group shims do without.
        case "socket", "debug-socket" -> value(name, given);
        default -> throw bad("unknown flag -" + Ids.printable(name));
      }
    }

    private String value(String name, @Nullable String given) {
      if (given != null) {
        return given;
      }
      if (!words.hasNext()) {
        throw bad("flag -" + name + " needs a value");
      }
      return words.next();
    }

    private static BerthException bad(String message) {
      return new BerthException(INVALID_ARGUMENT, message);
    }
  }

  /** Returns the namespace, as one component of a path. */
  String requireNamespace() {
    return Ids.requireName("-namespace", namespace);
  }

  /** Returns the id of the container or sandbox. */
  String requireId() {
    return Ids.requireName("-id", id);
  }
}
