package dev.berth.cri.cli;

import dev.berth.base.AtomicFiles;
import dev.berth.base.Ids;
import dev.berth.proto.cri.v1.PodSandboxMetadata;
import java.io.IOException;
import java.nio.file.Path;

/**
 * The log directory of a pod that {@code berth run} made: what a kubelet would keep, and delete.
 */
record PodLogs(Path directory) {
  /** Returns the place of a pod's logs; there may be nothing. */
  static PodLogs of(Path base, PodSandboxMetadata pod) {
    String name = pod.getNamespace() + "_" + pod.getName() + "_" + pod.getUid();
    return new PodLogs(base.resolve(Ids.requireName("pod name", name)));
  }

  void create() throws IOException {
    AtomicFiles.createPrivateDirectories(directory);
  }

  /** Deletes the logs; what is already gone is no error. */
  void delete() throws IOException {
    AtomicFiles.deleteTree(directory);
  }
}
