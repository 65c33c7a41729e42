package dev.berth.sandbox;

import static dev.berth.base.BerthException.Kind.INTERNAL;

import dev.berth.base.BerthException;
import dev.berth.proto.cri.v1.PodSandboxConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** The host name of a sandbox: the one asked for, or the host's on the host's network. */
final class Hostnames {
  private Hostnames() {}

  static String of(PodSandboxConfig config) {
    if (!config.getHostname().isEmpty()) {
      return config.getHostname();
    }
    try {
      return Files.readString(Path.of("/proc/sys/kernel/hostname")).strip();
    } catch (IOException e) {
      throw new BerthException(INTERNAL, "cannot read the host's name: " + e, e);
    }
  }
}
