package dev.berth.sandbox;

import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;

import dev.berth.base.BerthException;
import dev.berth.proto.cri.v1.ContainerConfig;

/** What makes a container the one it is within its sandbox. */
record ContainerName(String sandboxId, String name, int attempt) {
  ContainerName {
    SandboxName.require("metadata.name", name);
  }

  static ContainerName of(String sandboxId, ContainerConfig config) {
    if (!config.hasMetadata()) {
      throw new BerthException(INVALID_ARGUMENT, "metadata of the container is missing");
    }
    return new ContainerName(
        sandboxId, config.getMetadata().getName(), config.getMetadata().getAttempt());
  }

  @Override
  public String toString() {
    return name + "_" + attempt + " of sandbox " + sandboxId;
  }
}
