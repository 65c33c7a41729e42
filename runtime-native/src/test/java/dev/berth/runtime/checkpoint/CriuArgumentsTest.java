package dev.berth.runtime.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.base.BerthException;
import dev.berth.runtime.spec.RuntimeSpec;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CriuArgumentsTest {
  private static final RuntimeSpec SPEC =
      RuntimeSpec.parse(
          """
          {"ociVersion": "1.3.0",
           "mounts": [
             {"destination": "/proc", "type": "proc", "source": "proc"},
             {"destination": "/dev/shm", "type": "bind", "source": "/run/shm", "options": ["rbind"]},
             {"destination": "/a volume", "type": "bind", "source": "/v", "options": ["rbind", "ro"]}
           ],
           "linux": {"namespaces": [
             {"type": "network", "path": "/run/ns/net"},
             {"type": "ipc", "path": "/run/ns/ipc"},
             {"type": "pid"}, {"type": "mount"}
           ]}}
          """
              .getBytes(StandardCharsets.UTF_8));

  private static final String MOUNTS =
      """
      100 90 0:50 / / rw,relatime - overlay overlay rw,lowerdir=/l,upperdir=/u,workdir=/w
      101 100 0:51 / /proc rw,nosuid - proc proc rw
      102 100 0:52 / /dev rw,nosuid - tmpfs tmpfs rw,mode=755
      103 102 0:53 / /dev/pts rw,nosuid - devpts devpts rw,gid=5
      104 102 0:48 /0 /dev/console rw,nosuid - devpts devpts rw,gid=5
      105 102 0:54 / /dev/shm rw,nosuid shared:7 - tmpfs none rw,size=65536k
      106 100 254:0 /hosts /etc/hosts rw,relatime - ext4 /dev/vda rw
      107 100 254:0 /v /a\\040volume ro,relatime - ext4 /dev/vda rw
      108 107 0:60 / /a\\040volume/inner rw - tmpfs tmpfs rw
      109 101 0:51 /sys /proc/sys ro - proc proc rw
      110 101 0:52 /null /proc/kcore rw - tmpfs tmpfs rw,mode=755
      111 100 0:30 /pod/c /sys/fs/cgroup/cpu ro - cgroup cgroup rw,cpu
      """;

  private static final DumpFacts FACTS =
      new DumpFacts(
          4711,
          Optional.of(Path.of("/sys/fs/cgroup/freezer/pod/c")),
          MountTable.parse(MOUNTS),
          Map.of("net", 4026532001L, "pid", 4026532002L),
          new LinkedHashSet<>(Set.of(new External.File(27, 0xfe1fdf))));

  private static final DumpOptions OPTIONS =
      new DumpOptions(
          Path.of("/ck/checkpoint"),
          Path.of("/ck"),
          true,
          true,
          true,
          false,
          true,
          CgroupsMode.IGNORE);

  @Test
  void whatLiesOutsideOfTheContainerIsExternal() {
    assertThat(CriuArguments.dump(SPEC, FACTS, OPTIONS))
        .containsExactly(
            "dump",
            "--no-default-config",
            "--tree",
            "4711",
            "--images-dir",
            "/ck/checkpoint",
            "--work-dir",
            "/ck",
            "--log-file",
            "dump.log",
            "-v4",
            "--manage-cgroups=ignore",
            "--freeze-cgroup",
            "/sys/fs/cgroup/freezer/pod/c",
            "--link-remap",
            "--leave-running",
            "--tcp-established",
            "--ext-unix-sk",
            "--file-locks",
            "--external",
            "mnt[/dev/console]:/dev/console",
            "--external",
            "tty[8800:30]",
            "--external",
            "mnt[/dev/shm]:/dev/shm",
            "--external",
            "mnt[/etc/hosts]:/etc/hosts",
            "--external",
            "mnt[/a volume]:/a volume",
            "--external",
            "mnt[/a volume/inner]:/a volume/inner",
            "--external",
            "mnt[/proc/kcore]:/proc/kcore",
            "--external",
            "mnt[/sys/fs/cgroup/cpu]:/sys/fs/cgroup/cpu",
            "--external",
            "net[4026532001]:net",
            "--external",
            "file[1b:fe1fdf]");
  }

  @Test
  void whatIsNotAskedForIsNotGiven() {
    var bare =
        new DumpOptions(
            Path.of("/i"), Path.of("/i"), false, false, false, true, false, CgroupsMode.SOFT);
    var facts = new DumpFacts(1, Optional.empty(), new MountTable(List.of()), Map.of(), Set.of());
    assertThat(CriuArguments.dump(RuntimeSpec.builder().build(), facts, bare))
        .contains("--manage-cgroups=soft", "--shell-job")
        .doesNotContain(
            "--leave-running",
            "--tcp-established",
            "--file-locks",
            "--freeze-cgroup",
            "--external");
  }

  @Test
  void unknownModeOfCgroupsIsRefused() {
    assertThat(CgroupsMode.parse("")).isEqualTo(CgroupsMode.IGNORE);
    assertThat(CgroupsMode.parse("strict")).isEqualTo(CgroupsMode.STRICT);
    assertThatThrownBy(() -> CgroupsMode.parse("some"))
        .isInstanceOf(BerthException.class)
        .hasMessageContaining("cgroups_mode: \"some\"");
  }

  @Test
  void firstErrorsOfTheLogAreQuoted(@TempDir Path directory) throws Exception {
    Path log = directory.resolve("dump.log");
    assertThat(DumpLog.errors(log)).isEmpty();
    Files.writeString(
        log,
        """
        (00.000102) Dumping processes (pid: 4711)
        (00.075990) Error (criu/util.c:1534): rlimit: Can't setup RLIMIT_NOFILE for self: no
        (00.340307) Error (criu/files-reg.c:1790): Can't lookup mount=24 for fd=0 path=/dev/null
        (00.340319) Error (criu/cr-dump.c:1545): Dump files (pid: 4711) failed with -1
        """);
    assertThat(DumpLog.errors(log))
        .isEqualTo(
            "Can't lookup mount=24 for fd=0 path=/dev/null; Dump files (pid: 4711) failed with -1");
  }
}
