package dev.berth.sandbox.cdi;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import com.google.gson.JsonPrimitive;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Reads the YAML that tools write CDI specs in, into the JSON it stands for: mappings and sequences
 * by indentation, scalars on one line, plain or quoted, and collections in brackets on one line.
 *
 * <p>Anchors, aliases, tags, scalars of several lines and several documents are refused with their
 * line: a part of a file that was misunderstood would be a device that half works.
 */
final class SimpleYaml {
  private static final int MAX_DEPTH = 50;
  private static final Pattern KEY =
      Pattern.compile(
          "(\"[^\"\\\\]*+(?:\\\\.[^\"\\\\]*+)*+\"|'[^']*+(?:''[^']*+)*+'|[^\\s\"'\\[{#&*!|>%@`-][^#]*?|-[^\\s#][^#]*?):(\\s+.*)?");
  private static final Pattern OCTAL = Pattern.compile("0o?([0-7]+)");
  private static final Pattern INTEGER = Pattern.compile("-?(0|[1-9][0-9]{0,17})");

  /** A line that says something. */
  private record Line(int number, int indent, String text) {
    boolean isItem() {
      return text.equals("-") || text.startsWith("- ");
    }
  }

  private final List<Line> lines;
  private int next;

  private SimpleYaml(List<Line> lines) {
    this.lines = lines;
  }

  /**
   * Reads one document.
   *
   * @throws JsonParseException naming the line that is not understood
   */
  static JsonElement parse(String text) {
    SimpleYaml yaml = new SimpleYaml(lines(text));
    if (yaml.lines.isEmpty()) {
      return JsonNull.INSTANCE;
    }
    JsonElement document = yaml.block(yaml.lines.getFirst().indent(), 0);
    if (yaml.next < yaml.lines.size()) {
      throw refused(yaml.lines.get(yaml.next), "unexpected indentation");
    }
    return document;
  }

  private static List<Line> lines(String text) {
    List<Line> lines = new ArrayList<>();
    int number = 0;
    for (String raw : text.split("\r?\n", -1)) {
      number++;
      String line = withoutComment(raw).stripTrailing();
      String content = line.stripLeading();
      boolean begin = lines.isEmpty() && content.equals("---");
      if (!content.isEmpty() && !begin) {
        Line said = new Line(number, line.length() - content.length(), content);
        if (line.substring(0, said.indent()).indexOf('\t') >= 0) {
          throw refused(said, "a tab in the indentation");
        }
        lines.add(said);
      }
    }
    return lines;
  }

  /** A comment begins with a # at the start or after a space, outside quotes. */
  private static String withoutComment(String line) {
    char quote = 0;
    for (int i = 0; i < line.length(); i++) {
      char c = line.charAt(i);
      boolean startsWord = i == 0 || " \t[{,:".indexOf(line.charAt(i - 1)) >= 0;
      if (quote != 0) {
        if (c == '\\' && quote == '"') {
          i++;
        } else if (c == quote) {
          quote = 0;
        }
      } else if ((c == '"' || c == '\'') && startsWord) {
        quote = c;
      } else if (c == '#' && (i == 0 || Character.isWhitespace(line.charAt(i - 1)))) {
        return line.substring(0, i);
      }
    }
    return line;
  }

  private JsonElement block(int indent, int depth) {
    Line first = lines.get(next);
    if (depth > MAX_DEPTH) {
      throw refused(first, "nested too deeply");
    }
    if (first.isItem()) {
      return sequence(indent, depth);
    }
    if (KEY.matcher(first.text()).matches()) {
      return mapping(indent, depth);
    }
    next++;
    return scalar(first, first.text());
  }

  private JsonArray sequence(int indent, int depth) {
    JsonArray array = new JsonArray();
    while (next < lines.size() && lines.get(next).indent() == indent && lines.get(next).isItem()) {
      Line line = lines.get(next);
      String rest = line.text().substring(1).stripLeading();
      if (rest.isEmpty()) {
        next++;
        array.add(nested(indent, depth, false));
      } else {
        // What follows the dash is a block of its own, indented to where it begins.
        int inner = indent + line.text().length() - rest.length();
        lines.set(next, new Line(line.number(), inner, rest));
        array.add(block(inner, depth + 1));
      }
    }
    return array;
  }

  private JsonObject mapping(int indent, int depth) {
    JsonObject object = new JsonObject();
    while (next < lines.size() && lines.get(next).indent() == indent) {
      Line line = lines.get(next);
      Matcher entry = KEY.matcher(line.text());
      if (line.isItem() || !entry.matches()) {
        throw refused(line, "not \"key: value\"");
      }
      next++;
      String key = scalar(line, entry.group(1).strip()).getAsString();
      String value = entry.group(2) == null ? "" : entry.group(2).strip();
      if (object.has(key)) {
        throw refused(line, "key " + key + " is given twice");
      }
      object.add(key, value.isEmpty() ? nested(indent, depth, true) : scalar(line, value));
    }
    return object;
  }

  /** What stands indented below a line; a sequence may be as far left as its key. */
  private JsonElement nested(int indent, int depth, boolean belowKey) {
    if (next == lines.size()) {
      return JsonNull.INSTANCE;
    }
    Line line = lines.get(next);
    boolean inside =
        line.indent() > indent || (belowKey && line.indent() == indent && line.isItem());
    return inside ? block(line.indent(), depth + 1) : JsonNull.INSTANCE;
  }

  private static JsonElement scalar(Line line, String text) {
    return switch (text.charAt(0)) {
      case '"', '[', '{' -> bracketed(line, text);
      case '\'' -> singleQuoted(line, text);
      case '&', '*', '!', '|', '>', '%', '@', '`' ->
          throw refused(line, "this kind of YAML is not supported");
      default -> plain(line, text);
    };
  }

  /** JSON's form; words in brackets may do without quotes. */
  private static JsonElement bracketed(Line line, String text) {
    try {
      return JsonParser.parseString(text);
    } catch (JsonParseException e) {
      throw new JsonParseException("line " + line.number() + ": not a whole value", e);
    }
  }

  private static JsonElement singleQuoted(Line line, String text) {
    if (!text.matches("'[^']*+(?:''[^']*+)*+'")) {
      throw refused(line, "a quote is missing");
    }
    return new JsonPrimitive(text.substring(1, text.length() - 1).replace("''", "'"));
  }

  private static JsonElement plain(Line line, String text) {
    if (text.contains(": ") || text.endsWith(":")) {
      throw refused(line, "a colon in a word without quotes");
    }
    Matcher octal = OCTAL.matcher(text);
    return switch (text) {
      case "~", "null" -> JsonNull.INSTANCE;
      case "true" -> new JsonPrimitive(true);
      case "false" -> new JsonPrimitive(false);
      default -> {
        if (INTEGER.matcher(text).matches()) {
          yield new JsonPrimitive(Long.valueOf(text));
        }
        yield octal.matches() && text.length() < 16
            ? new JsonPrimitive(Long.valueOf(octal.group(1), 8))
            : new JsonPrimitive(text);
      }
    };
  }

  private static JsonParseException refused(Line line, String problem) {
    return new JsonParseException("line " + line.number() + ": " + problem);
  }
}
