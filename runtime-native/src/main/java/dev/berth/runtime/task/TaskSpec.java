package dev.berth.runtime.task;

import dev.berth.base.Ids;
import dev.berth.runtime.plan.Rootfs;
import dev.berth.runtime.spec.RuntimeSpec;
import java.nio.file.Path;

/**
 * What a container is created from.
 *
 * @param bundle for the record; nothing is read from it
 * @param spec the validated configuration
 */
public record TaskSpec(String id, Path bundle, RuntimeSpec spec, Rootfs rootfs, TaskIo io) {
  public TaskSpec {
    Ids.requireName("container id", id);
  }
}
