package dev.berth.runtime.task;

import dev.berth.base.Ids;
import dev.berth.runtime.plan.LaunchOptions;
import dev.berth.runtime.spec.ContainerProcess;

/**
 * An additional process for a running container.
 *
 * @param execId unique within the task
 */
public record ExecSpec(String execId, ContainerProcess process, TaskIo io, LaunchOptions options) {
  public ExecSpec {
    Ids.requireName("exec id", execId);
  }

  /** For a process that is executed in the usual way. */
  public ExecSpec(String execId, ContainerProcess process, TaskIo io) {
    this(execId, process, io, LaunchOptions.USUAL);
  }
}
