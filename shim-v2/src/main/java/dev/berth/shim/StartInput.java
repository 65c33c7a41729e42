package dev.berth.shim;

import static dev.berth.base.BerthException.Kind.RESOURCE_EXHAUSTED;

import com.google.gson.JsonObject;
import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import dev.berth.base.BerthException;
import dev.berth.base.Ids;
import dev.berth.proto.shim.bootstrap.v1.BootstrapParams;
import dev.berth.proto.shim.bootstrap.v1.BootstrapResult;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What a runtime says to {@code start}, and in which form it wants the answer.
 *
 * <p>Until containerd 2.2 all is in the flags and the environment, and standard input is empty or
 * the options of its runc. From 2.3 on it is a {@code BootstrapParams}; what flags say goes before
 * it. A shim of Berth's serves all containers of a runtime, so options of one are nothing to it.
 *
 * @param address of the runtime, which tells several of them apart
 * @param events where it takes events, if standard input says so
 */
record StartInput(String namespace, String address, String events, Form form) {
  private static final int MAX_BYTES = 4 << 20;
  private static final int NEWEST_VERSION = 3;
  private static final String PROTOCOL = "ttrpc";

  /** How the answer is written. */
  sealed interface Form {
    /** The address alone, which means version 2: containerd 1.6 and before. */
    record BareAddress() implements Form {}

    /** A JSON object, which containerd 1.7 to 2.2 ask for by MAX_SHIM_VERSION. */
    record Json(int maxVersion) implements Form {}

    /** A BootstrapResult, to who sent BootstrapParams. */
    record Binary() implements Form {}
  }

  /**
   * Reads standard input to its end.
   *
   * @param maxVersion MAX_SHIM_VERSION, if it is set
   * @throws BerthException INVALID_ARGUMENT naming the flag if no namespace is known
   */
  static StartInput read(ShimArguments arguments, InputStream in, @Nullable String maxVersion)
      throws IOException {
    ByteString bytes = ByteString.copyFrom(in.readNBytes(MAX_BYTES + 1));
    if (bytes.size() > MAX_BYTES) {
      throw new BerthException(
          RESOURCE_EXHAUSTED, "standard input is longer than " + MAX_BYTES + " bytes");
    }
    Optional<BootstrapParams> params = params(bytes);
    return new StartInput(
        Ids.requireName(
            "-namespace",
            first(arguments.namespace(), params.map(BootstrapParams::getNamespace).orElse(""))),
        first(
            arguments.address(), params.map(BootstrapParams::getContainerdGrpcAddress).orElse("")),
        params.map(BootstrapParams::getContainerdTtrpcAddress).orElse(""),
        params.isPresent() ? new Form.Binary() : text(maxVersion));
  }

  /** The options of runc are an Any, which parses as well but has no address of the runtime. */
  private static Optional<BootstrapParams> params(ByteString bytes) {
    try {
      BootstrapParams params = BootstrapParams.parseFrom(bytes);
      boolean isMeant =
          !params.getContainerdGrpcAddress().isEmpty()
              || !params.getContainerdTtrpcAddress().isEmpty();
      return isMeant ? Optional.of(params) : Optional.empty();
    } catch (InvalidProtocolBufferException e) {
      return Optional.empty(); // options, then, and not of ours
    }
  }

  private static Form text(@Nullable String maxVersion) {
    return maxVersion == null || maxVersion.isBlank()
        ? new Form.BareAddress()
        : new Form.Json(Integer.parseInt(maxVersion.strip()));
  }

  private static String first(String preferred, String other) {
    return preferred.isEmpty() ? other : preferred;
  }

  /** Words where the shim serves, as the runtime reads it. */
  byte[] answer(String shimAddress) {
    return switch (form) {
      case Form.BareAddress() -> line(shimAddress);
      case Form.Json(int maxVersion) ->
          line(json(shimAddress, Math.min(NEWEST_VERSION, maxVersion)));
      case Form.Binary() ->
          BootstrapResult.newBuilder()
              .setVersion(NEWEST_VERSION)
              .setAddress(shimAddress)
              .setProtocol(PROTOCOL)
              .putMetadata(ShimMain.ADOPTS_TASKS, "true")
              .build()
              .toByteArray();
    };
  }

  private static byte[] line(String text) {
    return (text + "\n").getBytes(StandardCharsets.UTF_8);
  }

  private static String json(String shimAddress, int version) {
    var metadata = new JsonObject();
    metadata.addProperty(ShimMain.ADOPTS_TASKS, "true");
    var answer = new JsonObject();
    answer.addProperty("version", version);
    answer.addProperty("address", shimAddress);
    answer.addProperty("protocol", PROTOCOL);
    answer.add("metadata", metadata);
    return answer.toString();
  }
}
