package dev.berth.runtime.task;

import dev.berth.base.Ids;
import dev.berth.runtime.plan.LaunchOptions;
import dev.berth.runtime.plan.Rootfs;
import dev.berth.runtime.spec.RuntimeSpec;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/**
 * What a container is created from.
 *
 * @param bundle for the record; nothing is read from it
 * @param spec the validated configuration
 * @param json what {@code spec} was read from, kept for later execs
 */
public record TaskSpec(
    String id,
    Path bundle,
    RuntimeSpec spec,
    String json,
    Rootfs rootfs,
    TaskIo io,
    LaunchOptions options) {
  public TaskSpec {
    Ids.requireName("container id", id);
  }

  /** For a container that is launched in the usual way. */
  public TaskSpec(String id, Path bundle, RuntimeSpec spec, String json, Rootfs rootfs, TaskIo io) {
    this(id, bundle, spec, json, rootfs, io, LaunchOptions.USUAL);
  }

  /** For a configuration that was not read but made. */
  public TaskSpec(String id, Path bundle, RuntimeSpec spec, Rootfs rootfs, TaskIo io) {
    this(id, bundle, spec, new String(spec.toJson(), StandardCharsets.UTF_8), rootfs, io);
  }
}
