package dev.berth.shim;

import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;
import static dev.berth.base.BerthException.Kind.RESOURCE_EXHAUSTED;
import static dev.berth.base.BerthException.Kind.UNIMPLEMENTED;

import com.google.protobuf.Any;
import dev.berth.base.BerthException;
import dev.berth.base.Ids;
import dev.berth.proto.shim.task.v3.CreateTaskRequest;
import dev.berth.proto.shim.types.Mount;
import dev.berth.runtime.plan.Rootfs;
import dev.berth.runtime.spec.ContainerProcess;
import dev.berth.runtime.spec.Resources;
import dev.berth.runtime.spec.Root;
import dev.berth.runtime.spec.RuntimeSpec;
import dev.berth.runtime.spec.SpecValidator;
import dev.berth.runtime.task.ExecSpec;
import dev.berth.runtime.task.TaskSpec;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Reads what a request to create or execute refers to: bundles, mounts, OCI processes. */
final class BundleReader {
  private static final int MAX_CONFIG_BYTES = 8 << 20;

  private BundleReader() {}

  /**
   * Reads the bundle of a create request.
   *
   * @throws BerthException INVALID_ARGUMENT naming the field or file
   */
  static TaskSpec read(CreateTaskRequest request, Stdio stdio) {
    Path bundle = Path.of(request.getBundle());
    if (!bundle.isAbsolute()) {
      throw new BerthException(
          INVALID_ARGUMENT, "bundle: \"" + request.getBundle() + "\" is not an absolute path");
    }
    if (!request.getCheckpoint().isEmpty()) {
      throw new BerthException(UNIMPLEMENTED, "checkpoint: restoring is not implemented");
    }
    byte[] json = config(bundle.resolve("config.json"));
    RuntimeSpec spec = RuntimeSpec.parse(json);
    SpecValidator.validate(spec);
    requireSameTerminal(spec, stdio);
    return new TaskSpec(
        request.getId(),
        bundle,
        spec,
        new String(json, StandardCharsets.UTF_8),
        rootfs(bundle, spec, request.getRootfsList()),
        stdio.toTaskIo());
  }

  private static byte[] config(Path file) {
    try (InputStream in = Files.newInputStream(file)) {
      byte[] bytes = in.readNBytes(MAX_CONFIG_BYTES + 1);
      if (bytes.length > MAX_CONFIG_BYTES) {
        throw new BerthException(
            RESOURCE_EXHAUSTED, file + " is longer than " + MAX_CONFIG_BYTES + " bytes");
      }
      return bytes;
    } catch (IOException e) {
      throw new BerthException(INVALID_ARGUMENT, "bundle: cannot read " + e.getMessage(), e);
    }
  }

  private static void requireSameTerminal(RuntimeSpec spec, Stdio stdio) {
    ContainerProcess process = spec.process();
    if (process != null && process.terminal() != stdio.terminal()) {
      throw new BerthException(
          INVALID_ARGUMENT,
          "terminal: " + stdio.terminal() + ", but process.terminal is " + process.terminal());
    }
  }

  private static Rootfs rootfs(Path bundle, RuntimeSpec spec, List<Mount> mounts) {
    Root root = spec.root();
    if (root == null) {
      throw new BerthException(INVALID_ARGUMENT, "config.json: root is missing");
    }
    String path = bundle.resolve(root.path()).normalize().toString();
    return switch (mounts.size()) {
      case 0 -> new Rootfs.Directory(path);
      case 1 -> {
        Mount mount = mounts.getFirst();
        yield new Rootfs.Mounted(path, mount.getType(), mount.getSource(), mount.getOptionsList());
      }
      default ->
          throw new BerthException(
              UNIMPLEMENTED, "rootfs: " + mounts.size() + " mounts, one is implemented");
    };
  }

  /**
   * Reads the limits of an update request.
   *
   * @throws BerthException INVALID_ARGUMENT naming the field
   */
  static Resources resources(Any resources) {
    if (!resources.getTypeUrl().endsWith("/LinuxResources")) {
      throw new BerthException(
          INVALID_ARGUMENT, "resources: \"" + resources.getTypeUrl() + "\" is not OCI resources");
    }
    Resources limits = Resources.parse(resources.getValue().toByteArray());
    SpecValidator.validateResources("resources", limits);
    return limits;
  }

  /**
   * Reads the process of an exec request.
   *
   * @throws BerthException INVALID_ARGUMENT naming the field
   */
  static ExecSpec exec(String execId, Any spec, Stdio stdio) {
    Ids.requireName("exec_id", execId);
    if (!spec.getTypeUrl().endsWith("/Process")) {
      throw new BerthException(
          INVALID_ARGUMENT, "spec: \"" + spec.getTypeUrl() + "\" is not an OCI process");
    }
    ContainerProcess process =
        ContainerProcess.parse(spec.getValue().toByteArray()).toBuilder()
            .terminal(stdio.terminal())
            .build();
    SpecValidator.validateProcess("process", process);
    return new ExecSpec(execId, process, stdio.toTaskIo());
  }
}
