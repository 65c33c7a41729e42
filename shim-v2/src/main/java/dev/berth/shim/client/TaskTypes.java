package dev.berth.shim.client;

import com.google.protobuf.Any;
import com.google.protobuf.ByteString;
import com.google.protobuf.Timestamp;
import java.time.Instant;

/** The type URLs of the shim protocol, which have no {@code type.googleapis.com/} before them. */
final class TaskTypes {
  private static final String RUNTIME_SPEC = "types.containerd.io/opencontainers/runtime-spec/1/";

  private TaskTypes() {}

  static Any process(ByteString json) {
    return json("Process", json);
  }

  static Any resources(ByteString json) {
    return json("LinuxResources", json);
  }

  private static Any json(String type, ByteString json) {
    return Any.newBuilder().setTypeUrl(RUNTIME_SPEC + type).setValue(json).build();
  }

  static Instant instant(Timestamp timestamp) {
    return Instant.ofEpochSecond(timestamp.getSeconds(), timestamp.getNanos());
  }
}
