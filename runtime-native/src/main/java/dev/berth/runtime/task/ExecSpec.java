package dev.berth.runtime.task;

import dev.berth.base.Ids;
import dev.berth.runtime.spec.ContainerProcess;

/**
 * An additional process for a running container.
 *
 * @param execId unique within the task
 */
public record ExecSpec(String execId, ContainerProcess process, TaskIo io) {
  public ExecSpec {
    Ids.requireName("exec id", execId);
  }
}
