package dev.berth.cri.streaming;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;

/** How a session with a process ended. */
sealed interface Outcome {
  /** The process has ended, or what was attached to. */
  record Exited(int code) implements Outcome {}

  /** It could not be started, or its end is not known. */
  record Failed(String message) implements Outcome {}

  /** Returns what the error stream says, {@code metav1.Status} or text as the version has it. */
  default String told(StreamVersion version) {
    return version.hasStatus() ? status().toString() : text();
  }

  private String text() {
    return switch (this) {
      case Exited(int code) -> code == 0 ? "" : nonZero(code);
      case Failed(String message) -> message;
    };
  }

  private static String nonZero(int code) {
    return "command terminated with non-zero exit code: exit status " + code;
  }

  private JsonObject status() {
    JsonObject status = new JsonObject();
    status.add("metadata", new JsonObject());
    switch (this) {
      case Exited(int code) when code == 0 -> status.addProperty("status", "Success");
      case Exited(int code) -> {
        status.addProperty("status", "Failure");
        status.addProperty("message", nonZero(code));
        status.addProperty("reason", "NonZeroExitCode");
        status.add("details", exitCode(code));
      }
      case Failed(String message) -> {
        status.addProperty("status", "Failure");
        status.addProperty("message", message);
        status.addProperty("reason", "InternalError");
        status.addProperty("code", 500);
      }
    }
    return status;
  }

  private static JsonObject exitCode(int code) {
    JsonObject cause = new JsonObject();
    cause.addProperty("reason", "ExitCode");
    cause.addProperty("message", Integer.toString(code));
    JsonArray causes = new JsonArray();
    causes.add(cause);
    JsonObject details = new JsonObject();
    details.add("causes", causes);
    return details;
  }
}
