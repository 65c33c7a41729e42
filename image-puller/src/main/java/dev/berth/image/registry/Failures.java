package dev.berth.image.registry;

import static dev.berth.base.BerthException.Kind.FAILED_PRECONDITION;
import static dev.berth.base.BerthException.Kind.KUBELET_REASON;
import static dev.berth.base.BerthException.Kind.NOT_FOUND;

import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import dev.berth.base.BerthException;
import dev.berth.base.Ids;
import java.io.IOException;
import java.nio.charset.StandardCharsets;

/** The one place that turns what a registry answered, or did not answer, into an exception. */
final class Failures {
  /** What the kubelet looks for at the beginning of a message. */
  private static final String UNAVAILABLE = "RegistryUnavailable: ";

  private static final int MAX_ERROR_BYTES = 16 * 1024;

  private Failures() {}

  /** What was being asked of whom; begins every message. */
  record Step(String host, String repository, String action) {
    @Override
    public String toString() {
      return "registry " + host + ": " + action + " of " + repository;
    }
  }

  /** A status that ends the attempts. Reads the body for the registry's own error code. */
  static BerthException status(Step step, Http.Response response) {
    int status = response.status();
    String message = step + ": status " + status + errorCode(response);
    if (status == 404) {
      return new BerthException(NOT_FOUND, message);
    }
    if (status == 401 || status == 403) {
      return new BerthException(FAILED_PRECONDITION, message + ", not authorized");
    }
    if (isTransient(status)) {
      return new BerthException(KUBELET_REASON, UNAVAILABLE + message);
    }
    return new BerthException(FAILED_PRECONDITION, message);
  }

  /** Whether the same request may succeed later. */
  static boolean isTransient(int status) {
    return status == 408 || status == 429 || status >= 500;
  }

  /** No answer, or a broken one. */
  static BerthException unreachable(Step step, IOException cause) {
    return new BerthException(KUBELET_REASON, UNAVAILABLE + step + ": " + reason(cause), cause);
  }

  /** What an exception of the network says, or is. */
  static String reason(IOException cause) {
    String why = cause.getMessage();
    return Ids.printable(why == null ? cause.getClass().getSimpleName() : why);
  }

  /** A download that does not get on, with how far it came. */
  static BerthException noProgress(
      Step step, int connections, long received, long sizeBytes, BerthException last) {
    String why = String.valueOf(last.getMessage());
    return new BerthException(
        KUBELET_REASON,
        UNAVAILABLE
            + step
            + ": no progress in "
            + connections
            + " connections after "
            + received
            + " of "
            + sizeBytes
            + " bytes; the last one: "
            + (why.startsWith(UNAVAILABLE) ? why.substring(UNAVAILABLE.length()) : why),
        last);
  }

  /** The code of the first error in the distribution-spec's error document, if there is one. */
  private static String errorCode(Http.Response response) {
    try {
      byte[] body = response.body().readNBytes(MAX_ERROR_BYTES);
      JsonObject document =
          JsonParser.parseString(new String(body, StandardCharsets.UTF_8)).getAsJsonObject();
      JsonObject error = document.getAsJsonArray("errors").get(0).getAsJsonObject();
      return " (" + Ids.printable(error.get("code").getAsString()) + ")";
    } catch (IOException
        | JsonParseException
        | IllegalStateException
        | UnsupportedOperationException
        | IndexOutOfBoundsException
        | NullPointerException e) {
      return ""; // a proxy's HTML page, an empty body: the status has to do
    }
  }
}
