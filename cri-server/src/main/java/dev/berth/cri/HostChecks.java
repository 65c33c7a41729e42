package dev.berth.cri;

import static dev.berth.base.BerthException.Kind.FAILED_PRECONDITION;

import dev.berth.base.BerthException;
import dev.berth.cri.config.BerthConfig;
import dev.berth.cri.config.ConfigKey;
import dev.berth.runtime.systemd.Systemd;
import dev.berth.sandbox.CgroupDriver;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** What must be true of the host before {@code berthd} touches anything. */
final class HostChecks {
  private HostChecks() {}

  /** Refuses what could only go wrong later, and less clearly. */
  static void run(BerthConfig config) {
    requireRoot();
    requireCgroupDriver(config.cgroupDriver(), Systemd.isRunning());
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

  /** A driver without its systemd could make no container at all. */
  static void requireCgroupDriver(CgroupDriver driver, boolean systemdRuns) {
    if (driver == CgroupDriver.SYSTEMD && !systemdRuns) {
      throw new BerthException(
          FAILED_PRECONDITION,
          ConfigKey.CGROUP_DRIVER.key()
              + " is systemd, but systemd does not run this host: there is no "
              + Systemd.SOCKET);
    }
  }

  /**
   * Mounts that berthd pins in a mount namespace of its own would be invisible to the kubelet and
   * to shims started elsewhere, and would vanish with the namespace.
   *
   * <p>The mounts are compared rather than the namespaces: /proc/1/ns needs the right to trace PID
   * 1, which not even root has everywhere. No two mounts of a host have the same id.
   */
  private static void requireMountNamespaceOfInit() {
    if (Collections.disjoint(mountIds("self"), mountIds("1"))) {
      throw new BerthException(
          FAILED_PRECONDITION,
          "the mount namespace is not that of PID 1: start berthd there, or with "
              + ConfigKey.ANY_MOUNT_NAMESPACE.flag());
    }
  }

  /** Returns the first field of every line, see proc_pid_mountinfo(5). */
  private static Set<String> mountIds(String process) {
    Path file = Path.of("/proc", process, "mountinfo");
    try (Stream<String> lines = Files.lines(file)) {
      return lines.map(line -> line.substring(0, line.indexOf(' '))).collect(Collectors.toSet());
    } catch (IOException | UncheckedIOException e) {
      throw new BerthException(
          FAILED_PRECONDITION,
          "cannot compare the mount namespace with that of PID 1, "
              + file
              + ": "
              + e
              + "; start berthd with "
              + ConfigKey.ANY_MOUNT_NAMESPACE.flag(),
          e);
    }
  }
}
