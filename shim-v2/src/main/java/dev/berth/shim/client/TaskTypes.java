package dev.berth.shim.client;

import com.google.protobuf.Any;
import com.google.protobuf.ByteString;
import com.google.protobuf.Timestamp;
import dev.berth.proto.shim.runc.v1.CheckpointOptions;
import java.nio.file.Path;
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

  /**
   * Asks for a dump that leaves the processes running and copes with connections and file locks.
   */
  static Any checkpoint(Path images, Path work) {
    var options =
        CheckpointOptions.newBuilder()
            .setImagePath(images.toString())
            .setWorkPath(work.toString())
            .setOpenTcp(true)
            .setExternalUnixSockets(true)
            .setFileLocks(true);
    return Any.newBuilder()
        .setTypeUrl("containerd.runc.v1.CheckpointOptions")
        .setValue(options.build().toByteString())
        .build();
  }

  static Instant instant(Timestamp timestamp) {
    return Instant.ofEpochSecond(timestamp.getSeconds(), timestamp.getNanos());
  }
}
