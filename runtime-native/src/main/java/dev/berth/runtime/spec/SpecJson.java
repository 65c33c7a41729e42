package dev.berth.runtime.spec;

import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonParseException;
import com.google.gson.Strictness;
import com.google.gson.ToNumberPolicy;
import com.google.gson.stream.JsonReader;
import com.google.gson.stream.JsonToken;
import com.google.gson.stream.MalformedJsonException;
import dev.berth.base.BerthException;
import java.io.EOFException;
import java.io.IOException;
import java.io.StringReader;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Reads and writes the records of this package, as strictly as the reference implementations do: no
 * text where a number belongs, no fraction where a whole number does, no comments, nothing after
 * the end.
 */
public final class SpecJson {
  /** Bound of what is read (rule R10); a spec of Kubernetes has some 20 KiB. */
  static final int MAX_BYTES = 8 << 20;

  private static final Gson GSON =
      new GsonBuilder()
          .setStrictness(Strictness.STRICT)
          .setObjectToNumberStrategy(ToNumberPolicy.LONG_OR_DOUBLE)
          .disableHtmlEscaping()
          .registerTypeAdapterFactory(new StrictTypes())
          .create();

  private static final Pattern POSITION = Pattern.compile(" at line [0-9]+ column [0-9]+");

  private SpecJson() {}

  /**
   * Reads one value.
   *
   * @param document what is read, the first word of every error: {@code config.json}
   * @throws BerthException INVALID_ARGUMENT naming document, field and what was expected
   */
  public static <T> T read(String document, byte[] json, Class<T> type) {
    if (json.length > MAX_BYTES) {
      throw refuse(document, "larger than " + MAX_BYTES + " bytes", null);
    }
    JsonReader reader = new JsonReader(new StringReader(decode(document, json)));
    reader.setStrictness(Strictness.STRICT);
    try {
      T value = GSON.fromJson(reader, type);
      if (value == null) {
        throw refuse(document, "expected an object", null);
      }
      if (reader.peek() != JsonToken.END_DOCUMENT) {
        throw refuse(document, "data after the end of the object", null);
      }
      return value;
    } catch (JsonParseException | IllegalStateException | IOException e) {
      throw refuse(document, at(e, reader) + reason(e), e);
    }
  }

  /** Writes a value of this package in UTF-8; absent and empty fields are left out. */
  public static byte[] write(Object value) {
    return GSON.toJson(value).getBytes(StandardCharsets.UTF_8);
  }

  private static String decode(String document, byte[] json) {
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(json)).toString();
    } catch (CharacterCodingException e) {
      throw refuse(document, "not UTF-8", e);
    }
  }

  /** Turns Gson's {@code $.linux.namespaces[2].type} into the form of all our errors. */
  private static String at(Exception failure, JsonReader reader) {
    String path = failure instanceof StrictTypes.BadValue bad ? bad.path() : reader.getPath();
    String field = path.startsWith("$.") ? path.substring(2) : path.substring(1);
    return field.isEmpty() ? "" : field + ": ";
  }

  private static String reason(Exception failure) {
    Throwable cause = failure.getCause() == null ? failure : failure.getCause();
    return switch (cause) {
      case EOFException _ -> "the text ends too early";
      case MalformedJsonException e -> "not JSON" + position(e);
      default -> firstLine(failure.getMessage());
    };
  }

  /** Gson's own text goes on with advice for Java programmers; only the place is of use. */
  private static String position(MalformedJsonException failure) {
    Matcher matcher = POSITION.matcher(String.valueOf(failure.getMessage()));
    return matcher.find() ? matcher.group() : "";
  }

  private static String firstLine(@Nullable String message) {
    return message == null ? "unreadable" : message.lines().findFirst().orElse("unreadable");
  }

  private static BerthException refuse(String document, String what, @Nullable Exception cause) {
    return new BerthException(INVALID_ARGUMENT, document + ": " + what, cause);
  }
}
