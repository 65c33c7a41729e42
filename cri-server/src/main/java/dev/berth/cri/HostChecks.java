package dev.berth.cri;

import static dev.berth.base.BerthException.Kind.FAILED_PRECONDITION;

import dev.berth.base.BerthException;
import dev.berth.cri.config.BerthConfig;
import dev.berth.cri.config.ConfigKey;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** What must be true of the host before {@code berthd} touches anything. */
final class HostChecks {
  private HostChecks() {}

  /** Refuses what could only go wrong later, and less clearly. */
  static void run(BerthConfig config) {
    requireRoot();
    if (!config.anyMountNamespace()) {
      requireMountNamespaceOfInit();
    }
  }

  private static void requireRoot() {
    try {
      if (!Files.getAttribute(Path.of("/proc/self"), "unix:uid").equals(0)) {
        throw new BerthException(FAILED_PRECONDITION, "berthd must run as root");
      }
    } catch (IOException e) {
      throw new UncheckedIOException("reading /proc/self", e);
    }
  }

  /**
   * Mounts that berthd pins in a mount namespace of its own would be invisible to the kubelet and
   * to shims started elsewhere, and would vanish with the namespace.
   */
  private static void requireMountNamespaceOfInit() {
    String ours = mountNamespace("self");
    String init = mountNamespace("1");
    if (!ours.equals(init)) {
      throw new BerthException(
          FAILED_PRECONDITION,
          "the mount namespace "
              + ours
              + " is not that of PID 1, "
              + init
              + "; start berthd there, or with "
              + ConfigKey.ANY_MOUNT_NAMESPACE.flag());
    }
  }

  private static String mountNamespace(String process) {
    Path link = Path.of("/proc", process, "ns", "mnt");
    try {
      return Files.readSymbolicLink(link).toString();
    } catch (IOException e) {
      throw new BerthException(
          FAILED_PRECONDITION, "cannot compare mount namespaces: " + link + ": " + e, e);
    }
  }
}
