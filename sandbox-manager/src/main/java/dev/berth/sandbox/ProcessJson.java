package dev.berth.sandbox;

import static dev.berth.base.BerthException.Kind.INTERNAL;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.protobuf.ByteString;
import dev.berth.base.BerthException;
import java.io.IOException;
import java.io.Reader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** The OCI {@code process} of a command: that of its container's spec, with other arguments. */
final class ProcessJson {
  private static final String TERM = "TERM=";

  private ProcessJson() {}

  /**
   * Makes the process of a command.
   *
   * @param bundle of the container
   * @param terminal whether it gets a terminal; its programs are told of one that all know then
   */
  static ByteString of(Path bundle, List<String> command, boolean terminal) {
    try (Reader reader = Files.newBufferedReader(bundle.resolve("config.json"))) {
      JsonObject process =
          JsonParser.parseReader(reader).getAsJsonObject().getAsJsonObject("process");
      JsonArray arguments = new JsonArray();
      command.forEach(arguments::add);
      process.add("args", arguments);
      process.addProperty("terminal", terminal);
      process.remove("consoleSize");
      if (terminal) {
        nameTerminal(process);
      }
      return ByteString.copyFromUtf8(process.toString());
    } catch (IOException e) {
      throw new BerthException(INTERNAL, "cannot read the spec in " + bundle + ": " + e, e);
    }
  }

  private static void nameTerminal(JsonObject process) {
    JsonArray environment = process.has("env") ? process.getAsJsonArray("env") : new JsonArray();
    for (JsonElement variable : environment) {
      if (variable.getAsString().startsWith(TERM)) {
        return;
      }
    }
    environment.add(TERM + "xterm");
    process.add("env", environment);
  }
}
