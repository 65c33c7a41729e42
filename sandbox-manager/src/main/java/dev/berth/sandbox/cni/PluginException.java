package dev.berth.sandbox.cni;

import com.google.gson.JsonObject;
import dev.berth.base.BerthException;

/** A plugin that ran and failed, or did not end in time. */
final class PluginException extends BerthException {
  private static final long serialVersionUID = 1L;

  /** "Try again later", of the specification's error codes. */
  private static final int TRY_AGAIN_LATER = 11;

  private static final int MAX_TEXT = 4096;

  private PluginException(Kind kind, String message) {
    super(kind, message);
  }

  /** Reads what a plugin that exited with an error left: an error object, or just words. */
  static PluginException of(String plugin, PluginProcess.Outcome outcome) {
    JsonObject error = errorObject(outcome.stdout());
    if (error.isEmpty()) {
      String words = outcome.stderr().isBlank() ? outcome.stdout() : outcome.stderr();
      String said = words.isBlank() ? "no output" : oneLine(words);
      return new PluginException(
          Kind.INTERNAL, plugin + " ended with code " + outcome.status().shellCode() + ": " + said);
    }
    String details = Json.string(error, "details");
    String text = Json.string(error, "msg") + (details.isEmpty() ? "" : ": " + details);
    boolean later = Json.string(error, "code").equals(Integer.toString(TRY_AGAIN_LATER));
    return new PluginException(
        later ? Kind.UNAVAILABLE : Kind.INTERNAL,
        plugin + " failed with code " + Json.string(error, "code") + ": " + oneLine(text));
  }

  static PluginException timeout(String plugin, PluginProcess.TimedOut cause) {
    return new PluginException(
        Kind.DEADLINE_EXCEEDED,
        plugin + " did not end within " + cause.limit().toMillis() + " ms and was killed");
  }

  private static JsonObject errorObject(String stdout) {
    try {
      JsonObject object = Json.parseObject("error", stdout);
      return object.has("code") ? object : new JsonObject();
    } catch (BerthException e) {
      return new JsonObject(); // not JSON: the caller falls back to the text
    }
  }

  private static String oneLine(String text) {
    String stripped = text.strip().replace('\n', ' ');
    return stripped.length() <= MAX_TEXT ? stripped : stripped.substring(0, MAX_TEXT) + "...";
  }
}
