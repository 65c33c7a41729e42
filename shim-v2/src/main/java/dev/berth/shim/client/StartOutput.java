package dev.berth.shim.client;

import static dev.berth.base.BerthException.Kind.INTERNAL;
import static dev.berth.base.BerthException.Kind.UNIMPLEMENTED;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import dev.berth.base.BerthException;
import dev.berth.base.Ids;
import dev.berth.proto.shim.bootstrap.v1.BootstrapResult;
import java.util.Optional;

/**
 * What {@code shim start} prints, in the three forms that are about: a binary BootstrapResult
 * (containerd 2.3 and later), a JSON object of the same fields (2.0), a bare address (before).
 *
 * @param address where the shim serves
 * @param version of the task API
 * @param adoptsTasks whether the shim says that its next process takes over the tasks of this one
 */
record StartOutput(String address, int version, boolean adoptsTasks) {
  /** Key in the metadata of a BootstrapResult by which Berth's own shim says so. */
  static final String ADOPTS_TASKS = "dev.berth.shim.adopts-tasks";

  /**
   * Reads the output of {@code shim start}.
   *
   * @throws BerthException UNIMPLEMENTED for a protocol or version that Berth does not speak
   */
  static StartOutput parse(ByteString output) {
    return binary(output)
        .or(() -> json(output.toStringUtf8().strip()))
        .orElseGet(() -> bareAddress(output.toStringUtf8().strip()));
  }

  /** Tells whether it has the first of these forms: only a shim that takes BootstrapParams does. */
  static boolean isBinary(ByteString output) {
    return binary(output).isPresent();
  }

  private static Optional<StartOutput> binary(ByteString output) {
    try {
      var result = BootstrapResult.parseFrom(output);
      if (result.getAddress().isEmpty() || result.getVersion() == 0) {
        return Optional.empty(); // text that happens to parse, as fields that nobody knows
      }
      return Optional.of(
          checked(
              result.getAddress(),
              result.getVersion(),
              result.getProtocol(),
              result.getMetadataOrDefault(ADOPTS_TASKS, "")));
    } catch (InvalidProtocolBufferException e) {
      return Optional.empty();
    }
  }

  private static Optional<StartOutput> json(String output) {
    if (!output.startsWith("{")) {
      return Optional.empty();
    }
    try {
      JsonObject object = JsonParser.parseString(output).getAsJsonObject();
      return Optional.of(
          checked(
              text(object, "address"),
              object.has("version") ? object.get("version").getAsInt() : 2,
              text(object, "protocol"),
              object.has("metadata")
                  ? text(object.getAsJsonObject("metadata"), ADOPTS_TASKS)
                  : ""));
    } catch (JsonParseException | IllegalStateException | ClassCastException e) {
      throw new BerthException(
          INTERNAL, "shim start printed broken JSON: " + Ids.printable(output), e);
    }
  }

  private static String text(JsonObject object, String name) {
    JsonElement element = object.get(name);
    return element == null ? "" : element.getAsString();
  }

  private static StartOutput bareAddress(String output) {
    if (!output.startsWith("unix:") && !output.startsWith("/")) {
      throw new BerthException(
          INTERNAL, "shim start printed no address: \"" + Ids.printable(output) + "\"");
    }
    return checked(output, 2, "ttrpc", "");
  }

  private static StartOutput checked(
      String address, int version, String protocol, String adoptsTasks) {
    if (!protocol.isEmpty() && !protocol.equals("ttrpc")) {
      throw new BerthException(
          UNIMPLEMENTED, "shim at " + address + " speaks " + protocol + ", not ttrpc");
    }
    if (version != 2 && version != 3) {
      throw new BerthException(
          UNIMPLEMENTED, "shim at " + address + " speaks version " + version + " of the task API");
    }
    return new StartOutput(address, version, adoptsTasks.equals("true"));
  }
}
