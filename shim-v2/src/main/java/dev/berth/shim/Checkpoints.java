package dev.berth.shim;

import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;
import static dev.berth.base.BerthException.Kind.UNIMPLEMENTED;

import com.google.protobuf.InvalidProtocolBufferException;
import dev.berth.base.BerthException;
import dev.berth.base.Operation;
import dev.berth.proto.shim.runc.v1.CheckpointOptions;
import dev.berth.proto.shim.task.v3.CheckpointTaskRequest;
import dev.berth.runtime.checkpoint.CgroupsMode;
import dev.berth.runtime.checkpoint.Criu;
import dev.berth.runtime.checkpoint.DumpOptions;
import java.nio.file.Files;
import java.nio.file.Path;

/** Checkpoints containers as {@code containerd.runc.v1.CheckpointOptions} ask for. Thread-safe. */
final class Checkpoints {
  private static final String TYPE = "containerd.runc.v1.CheckpointOptions";

  private final Criu criu;

  Checkpoints(Criu criu) {
    this.criu = criu;
  }

  /**
   * Dumps a container's processes.
   *
   * @throws BerthException INVALID_ARGUMENT naming the option, UNIMPLEMENTED for one that asks for
   *     more than a full dump, else as {@link Criu#dump}
   */
  void checkpoint(ShimTask task, CheckpointTaskRequest request, Operation operation) {
    criu.dump(task.task(), read(request), operation);
    task.checkpointed(request.getPath());
  }

  static DumpOptions read(CheckpointTaskRequest request) {
    CheckpointOptions options = options(request);
    if (!options.getParentPath().isEmpty()) {
      throw new BerthException(UNIMPLEMENTED, "parent_path: incremental checkpoints");
    }
    if (options.getEmptyNamespacesCount() > 0) {
      throw new BerthException(UNIMPLEMENTED, "empty_namespaces: " + options.getEmptyNamespaces(0));
    }
    Path images = directory("path", first(options.getImagePath(), request.getPath()));
    return new DumpOptions(
        images,
        options.getWorkPath().isEmpty() ? images : directory("work_path", options.getWorkPath()),
        !options.getExit(),
        options.getOpenTcp(),
        options.getExternalUnixSockets(),
        options.getTerminal(),
        options.getFileLocks(),
        CgroupsMode.parse(options.getCgroupsMode()));
  }

  private static CheckpointOptions options(CheckpointTaskRequest request) {
    if (!request.hasOptions()) {
      return CheckpointOptions.getDefaultInstance();
    }
    if (!request.getOptions().getTypeUrl().endsWith(TYPE)) {
      throw new BerthException(
          INVALID_ARGUMENT,
          "options: \"" + request.getOptions().getTypeUrl() + "\" is not " + TYPE);
    }
    try {
      return CheckpointOptions.parseFrom(request.getOptions().getValue());
    } catch (InvalidProtocolBufferException e) {
      throw new BerthException(INVALID_ARGUMENT, "options: not " + TYPE + ": " + e, e);
    }
  }

  private static String first(String preferred, String other) {
    return preferred.isEmpty() ? other : preferred;
  }

  private static Path directory(String field, String text) {
    if (!text.startsWith("/") || text.indexOf('\0') >= 0 || !Files.isDirectory(Path.of(text))) {
      throw new BerthException(
          INVALID_ARGUMENT, field + ": \"" + text + "\" is not the absolute path of a directory");
    }
    return Path.of(text);
  }
}
