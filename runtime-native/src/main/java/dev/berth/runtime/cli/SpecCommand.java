package dev.berth.runtime.cli;

import static dev.berth.base.BerthException.Kind.ALREADY_EXISTS;
import static dev.berth.base.BerthException.Kind.NOT_FOUND;

import com.google.gson.GsonBuilder;
import com.google.gson.JsonParser;
import dev.berth.base.BerthException;
import dev.berth.runtime.spec.Capabilities;
import dev.berth.runtime.spec.ContainerProcess;
import dev.berth.runtime.spec.Linux;
import dev.berth.runtime.spec.Mount;
import dev.berth.runtime.spec.Namespace;
import dev.berth.runtime.spec.Resources;
import dev.berth.runtime.spec.Rlimit;
import dev.berth.runtime.spec.Root;
import dev.berth.runtime.spec.RuntimeSpec;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Writes a config.json to begin with: a shell in namespaces of its own, on a terminal. */
@Command(name = "spec", description = "Writes a config.json for a bundle whose root is rootfs.")
final class SpecCommand implements Callable<Integer> {
  private static final List<String> CAPABILITIES =
      List.of("CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE");

  private static final List<String> FLAGS = List.of("nosuid", "noexec", "nodev");

  @Option(
      names = {"-b", "--bundle"},
      paramLabel = "DIR",
      description = "where it is written (default: this one)")
  private Path bundle = Path.of(".");

  @Override
  public Integer call() {
    Path file = bundle.resolve("config.json");
    var json = JsonParser.parseString(new String(spec().toJson(), StandardCharsets.UTF_8));
    String text = new GsonBuilder().setPrettyPrinting().disableHtmlEscaping().create().toJson(json);
    try {
      Files.writeString(file, text + "\n", StandardOpenOption.CREATE_NEW);
    } catch (FileAlreadyExistsException e) {
      throw new BerthException(ALREADY_EXISTS, file + " exists, and is not written over", e);
    } catch (IOException e) {
      throw new BerthException(NOT_FOUND, file + " cannot be written: " + e, e);
    }
    return 0;
  }

  static RuntimeSpec spec() {
    return RuntimeSpec.builder()
        .ociVersion(RuntimeSpec.OCI_VERSION)
        .process(process())
        .root(new Root("rootfs", true))
        .hostname("berth")
        .mounts(mounts())
        .linux(linux())
        .build();
  }

  private static ContainerProcess process() {
    return ContainerProcess.builder()
        .terminal(true)
        .args(List.of("sh"))
        .env(
            List.of(
                "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"))
        .cwd("/")
        .capabilities(
            new Capabilities(CAPABILITIES, CAPABILITIES, List.of(), CAPABILITIES, List.of()))
        .rlimits(List.of(new Rlimit("RLIMIT_NOFILE", 1024, 1024)))
        .noNewPrivileges(true)
        .build();
  }

  private static List<Mount> mounts() {
    return List.of(
        new Mount("/proc", "proc", "proc", List.of()),
        new Mount(
            "/dev", "tmpfs", "tmpfs", List.of("nosuid", "strictatime", "mode=755", "size=65536k")),
        new Mount(
            "/dev/pts",
            "devpts",
            "devpts",
            List.of("nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5")),
        new Mount(
            "/dev/shm",
            "tmpfs",
            "shm",
            List.of("nosuid", "noexec", "nodev", "mode=1777", "size=65536k")),
        new Mount("/dev/mqueue", "mqueue", "mqueue", FLAGS),
        new Mount("/sys", "sysfs", "sysfs", List.of("nosuid", "noexec", "nodev", "ro")),
        new Mount(
            "/sys/fs/cgroup",
            "cgroup",
            "cgroup",
            List.of("nosuid", "noexec", "nodev", "relatime", "ro")));
  }

  private static Linux linux() {
    return Linux.builder()
        .resources(
            Resources.builder()
                .devices(List.of(new Resources.DeviceRule(false, null, null, null, "rwm")))
                .build())
        .namespaces(
            List.of(
                Namespace.fresh("pid"),
                Namespace.fresh("network"),
                Namespace.fresh("ipc"),
                Namespace.fresh("uts"),
                Namespace.fresh("mount"),
                Namespace.fresh("cgroup")))
        .maskedPaths(
            List.of(
                "/proc/acpi",
                "/proc/asound",
                "/proc/kcore",
                "/proc/keys",
                "/proc/latency_stats",
                "/proc/timer_list",
                "/proc/timer_stats",
                "/proc/sched_debug",
                "/proc/scsi",
                "/sys/firmware"))
        .readonlyPaths(
            List.of("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"))
        .build();
  }
}
