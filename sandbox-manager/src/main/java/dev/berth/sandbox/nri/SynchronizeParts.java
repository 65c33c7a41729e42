package dev.berth.sandbox.nri;

import com.google.protobuf.MessageLite;
import dev.berth.proto.nri.Container;
import dev.berth.proto.nri.PodSandbox;
import dev.berth.proto.nri.SynchronizeRequest;
import java.util.ArrayList;
import java.util.List;

/** Cuts what a new plugin is shown into requests that ttrpc can carry. */
final class SynchronizeParts {
  /** Leaves room below the 4 MiB of a ttrpc message. */
  static final int MAX_PART_BYTES = 3 << 20;

  private static final int FIELD_OVERHEAD_BYTES = 8;

  private final List<SynchronizeRequest> parts = new ArrayList<>();
  private SynchronizeRequest.Builder part = SynchronizeRequest.newBuilder();
  private int partBytes;

  private SynchronizeParts() {}

  /** Returns at least one request; all but the last say that more is to come. */
  static List<SynchronizeRequest> of(NriRuntime.State state) {
    var cutter = new SynchronizeParts();
    for (PodSandbox pod : state.pods()) {
      cutter.makeRoom(pod);
      cutter.part.addPods(pod);
    }
    for (Container container : state.containers()) {
      cutter.makeRoom(container);
      cutter.part.addContainers(container);
    }
    cutter.parts.add(cutter.part.build());
    return cutter.parts;
  }

  private void makeRoom(MessageLite next) {
    int bytes = next.getSerializedSize() + FIELD_OVERHEAD_BYTES;
    if (partBytes > 0 && partBytes + bytes > MAX_PART_BYTES) {
      parts.add(part.setMore(true).build());
      part = SynchronizeRequest.newBuilder();
      partBytes = 0;
    }
    partBytes += bytes;
  }
}
