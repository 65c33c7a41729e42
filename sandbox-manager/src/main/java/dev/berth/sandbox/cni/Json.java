package dev.berth.sandbox.cni;

import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.Strictness;
import dev.berth.base.BerthException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Reads JSON strictly, with errors that name where it came from. */
final class Json {
  private static final Gson GSON =
      new GsonBuilder().setStrictness(Strictness.STRICT).disableHtmlEscaping().create();

  private static final Pattern POSITION = Pattern.compile(" at line \\d+ column \\d+");

  private Json() {}

  static JsonObject parseObject(String source, String text) {
    try {
      JsonElement parsed = GSON.fromJson(text, JsonElement.class);
      if (parsed instanceof JsonObject object) {
        return object;
      }
      throw new BerthException(INVALID_ARGUMENT, source + ": not a JSON object");
    } catch (JsonParseException e) {
      throw new BerthException(INVALID_ARGUMENT, source + ": not JSON" + position(e), e);
    }
  }

  /** Of the parser's message only the place: the rest is advice for programmers. */
  private static String position(JsonParseException failure) {
    Matcher matcher = POSITION.matcher(String.valueOf(failure.getMessage()));
    return matcher.find() ? matcher.group() : "";
  }

  static String requireString(String source, JsonObject object, String key) {
    JsonElement value = object.get(key);
    if (value == null || !value.isJsonPrimitive() || !value.getAsJsonPrimitive().isString()) {
      throw new BerthException(INVALID_ARGUMENT, source + ": \"" + key + "\" must be a string");
    }
    return value.getAsString();
  }

  static String string(JsonObject object, String key) {
    JsonElement value = object.get(key);
    return value == null || !value.isJsonPrimitive() ? "" : value.getAsString();
  }
}
