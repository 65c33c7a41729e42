package dev.berth.image.oci;

import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;
import static dev.berth.base.BerthException.Kind.RESOURCE_EXHAUSTED;

import com.google.gson.Strictness;
import com.google.gson.stream.JsonReader;
import com.google.gson.stream.JsonToken;
import dev.berth.base.BerthException;
import dev.berth.base.Ids;
import java.io.IOException;
import java.io.StringReader;
import java.util.HashSet;
import java.util.Set;

/**
 * Walks through a document without keeping any of it: what it would be in memory can be fifty times
 * its bytes, and a key that stands twice is read one way here and another way elsewhere (rule R10).
 */
final class JsonBounds {
  /** A manifest of the most layers, or a configuration with their history, has a tenth of it. */
  private static final int MAX_VALUES = 100_000;

  private final String what;
  private final JsonReader reader;
  private int values;

  private JsonBounds(String what, JsonReader reader) {
    this.what = what;
    this.reader = reader;
  }

  /**
   * Checks a document.
   *
   * @throws BerthException INVALID_ARGUMENT if it is no object or has a key twice at its top,
   *     RESOURCE_EXHAUSTED if it has too many values
   * @throws IOException if it is not JSON
   */
  static void check(String what, String text) throws IOException {
    var reader = new JsonReader(new StringReader(text));
    reader.setStrictness(Strictness.LEGACY_STRICT);
    new JsonBounds(what, reader).check();
  }

  private void check() throws IOException {
    if (reader.peek() != JsonToken.BEGIN_OBJECT) {
      throw invalid("it is not an object");
    }
    Set<String> keys = new HashSet<>();
    reader.beginObject();
    while (reader.hasNext()) {
      String key = reader.nextName();
      if (!keys.add(key)) {
        throw invalid("the key " + Ids.printable(key) + " stands in it twice");
      }
      value();
    }
    reader.endObject();
  }

  /** Reads one value, in a loop for those within it. */
  private void value() throws IOException {
    int depth = 0;
    do {
      if (++values > MAX_VALUES) {
        throw new BerthException(
            RESOURCE_EXHAUSTED, what + ": it has more than " + MAX_VALUES + " values");
      }
      switch (reader.peek()) {
        case BEGIN_OBJECT -> {
          reader.beginObject();
          depth++;
        }
        case BEGIN_ARRAY -> {
          reader.beginArray();
          depth++;
        }
        case END_OBJECT -> {
          reader.endObject();
          depth--;
        }
        case END_ARRAY -> {
          reader.endArray();
          depth--;
        }
        case NAME -> {
          String _ = reader.nextName();
        }
        case STRING, NUMBER, BOOLEAN, NULL, END_DOCUMENT -> reader.skipValue();
      }
    } while (depth > 0);
  }

  private BerthException invalid(String problem) {
    return new BerthException(INVALID_ARGUMENT, what + ": " + problem);
  }
}
