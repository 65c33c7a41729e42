package dev.berth.testing;

import dev.berth.runtime.spec.Capabilities;
import dev.berth.runtime.spec.ContainerProcess;
import dev.berth.runtime.spec.Linux;
import dev.berth.runtime.spec.Mount;
import dev.berth.runtime.spec.Namespace;
import dev.berth.runtime.spec.Root;
import dev.berth.runtime.spec.RuntimeSpec;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * A root file system of Debian's static busybox and a spec for it, both in the form a container of
 * Kubernetes has.
 */
public final class BusyboxBundle {
  private static final Path BUSYBOX = Path.of("/bin/busybox");
  private static final List<String> APPLETS =
      List.of(
          "sh",
          "ls",
          "cat",
          "echo",
          "sleep",
          "id",
          "mount",
          "ps",
          "seq",
          "true",
          "false",
          "stty",
          "hostname",
          "tty",
          "env",
          "dd",
          "wc",
          "kill",
          "mkdir",
          "touch",
          "ln",
          "head",
          "tr",
          "yes",
          "stat",
          "chmod",
          "readlink",
          "grep",
          "test",
          "nc",
          "wget",
          "httpd",
          "ip",
          "date",
          "trap");

  private BusyboxBundle() {}

  /** Makes the root file system; {@code directory} is created and world-readable. */
  public static Path makeRootfs(Path directory) throws IOException {
    Path bin = Files.createDirectories(directory.resolve("bin"));
    Files.copy(BUSYBOX, bin.resolve("busybox"));
    for (String applet : APPLETS) {
      Files.createSymbolicLink(bin.resolve(applet), Path.of("busybox"));
    }
    for (String name : List.of("proc", "sys", "dev", "etc", "tmp", "root")) {
      Files.createDirectories(directory.resolve(name));
    }
    return directory;
  }

  /** A container with namespaces of its own that runs a shell script. */
  public static RuntimeSpec.Builder spec(Path rootfs, String script) {
    return RuntimeSpec.builder()
        .ociVersion(RuntimeSpec.OCI_VERSION)
        .root(new Root(rootfs.toString(), false))
        .hostname("boat")
        .process(process("sh", "-c", script).build())
        .mounts(mounts())
        .linux(linux().build());
  }

  public static ContainerProcess.Builder process(String... args) {
    List<String> capabilities = List.of("CAP_CHOWN", "CAP_KILL", "CAP_SETUID", "CAP_SETGID");
    return ContainerProcess.builder()
        .args(List.of(args))
        .env(List.of("PATH=/bin"))
        .cwd("/")
        .capabilities(
            new Capabilities(capabilities, capabilities, List.of(), capabilities, List.of()));
  }

  public static Linux.Builder linux() {
    return Linux.builder()
        .namespaces(
            List.of(
                Namespace.fresh("pid"),
                Namespace.fresh("network"),
                Namespace.fresh("ipc"),
                Namespace.fresh("uts"),
                Namespace.fresh("mount")))
        .maskedPaths(List.of("/proc/keys", "/proc/acpi", "/sys/firmware", "/proc/none"))
        .readonlyPaths(List.of("/proc/bus", "/proc/sys"));
  }

  public static List<Mount> mounts() {
    return List.of(
        new Mount("/proc", "proc", "proc", List.of("nosuid", "noexec", "nodev")),
        new Mount("/dev", "tmpfs", "tmpfs", List.of("nosuid", "strictatime", "mode=755")),
        new Mount(
            "/dev/pts",
            "devpts",
            "devpts",
            List.of("nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5")),
        new Mount("/sys", "sysfs", "sysfs", List.of("nosuid", "noexec", "nodev", "ro")));
  }
}
