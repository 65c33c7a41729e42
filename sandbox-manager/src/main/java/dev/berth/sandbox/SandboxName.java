package dev.berth.sandbox;

import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;

import dev.berth.base.BerthException;
import dev.berth.base.Ids;
import dev.berth.proto.cri.v1.PodSandboxConfig;
import dev.berth.proto.cri.v1.PodSandboxMetadata;

/** What makes a sandbox the one it is to the kubelet: no two have the same. */
record SandboxName(String name, String namespace, String uid, int attempt) {
  SandboxName {
    require("metadata.name", name);
    require("metadata.namespace", namespace);
    require("metadata.uid", uid);
  }

  static SandboxName of(PodSandboxConfig config) {
    if (!config.hasMetadata()) {
      throw new BerthException(INVALID_ARGUMENT, "metadata of the sandbox is missing");
    }
    PodSandboxMetadata metadata = config.getMetadata();
    return new SandboxName(
        metadata.getName(), metadata.getNamespace(), metadata.getUid(), metadata.getAttempt());
  }

  /** These values go into variables of CNI plugins and into annotations, so they stay plain. */
  static void require(String field, String value) {
    if (value.isEmpty()) {
      throw new BerthException(INVALID_ARGUMENT, field + " is empty");
    }
    if (value.length() > 512 || !value.matches("[A-Za-z0-9._:@-]+")) {
      throw new BerthException(
          INVALID_ARGUMENT,
          field
              + " \""
              + Ids.printable(value)
              + "\" must be letters, digits, '.', '_', ':', '@' or"
              + " '-'");
    }
  }

  @Override
  public String toString() {
    return name + "_" + namespace + "_" + uid + "_" + attempt;
  }
}
