package dev.berth.runtime.task;

import static org.assertj.core.api.Assertions.assertThat;

import dev.berth.runtime.spec.ContainerProcess;
import dev.berth.runtime.spec.IdMapping;
import dev.berth.runtime.spec.Linux;
import dev.berth.runtime.spec.Mount;
import dev.berth.runtime.spec.Namespace;
import dev.berth.runtime.spec.RuntimeSpec;
import dev.berth.testing.BusyboxBundle;
import dev.berth.testing.RequiresRoot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Rule R7: what the spec masks is masked and what it protects cannot be written, seen from inside a
 * container, by its first process and by one executed later.
 */
@RequiresRoot
class ProtectedPathsTest {
  /** What the kubelet has masked, CPUs apart. Each machine has some of them. */
  private static final List<String> OF_THE_KERNEL =
      List.of(
          "/proc/acpi",
          "/proc/asound",
          "/proc/interrupts",
          "/proc/kcore",
          "/proc/keys",
          "/proc/latency_stats",
          "/proc/sched_debug",
          "/proc/scsi",
          "/proc/timer_list",
          "/proc/timer_stats",
          "/sys/devices/system/cpu/cpu0/thermal_throttle",
          "/sys/devices/virtual/powercap",
          "/sys/firmware");

  /** What the image has: a file, a directory, links to both, and something below another. */
  private static final List<String> OF_THE_IMAGE =
      List.of("/srv/file", "/srv/full", "/srv/link", "/srv/dirlink", "/srv/full/below", "/tmp");

  private static final List<String> READONLY = List.of("/proc/bus", "/proc/sys", "/srv/ro");

  /** Says of every path what is there: nothing, a device, an empty place, or content. */
  private static final String LOOK =
      """
      for path; do
        if [ -d $path ]; then
          if [ -n "$(ls -A $path)" ]; then echo $path full
          elif touch $path/new 2>/dev/null; then echo $path writable
          else echo $path empty; fi
        elif [ -c $path ]; then echo $path device $(stat -L -c %t:%T $path) $(wc -c < $path)
        elif [ -e $path ]; then echo $path file
        else echo $path absent; fi
      done
      """;

  private TaskFixture fixture;

  @BeforeEach
  void makeImage() throws IOException {
    fixture = new TaskFixture();
    Path srv = Files.createDirectory(fixture.rootfs.resolve("srv"));
    Files.writeString(srv.resolve("file"), "secret");
    Files.writeString(srv.resolve("target"), "secret");
    Files.createSymbolicLink(srv.resolve("link"), Path.of("/srv/target"));
    for (String name : List.of("full", "full/below", "dirtarget", "ro", "ro/inner")) {
      Files.writeString(Files.createDirectory(srv.resolve(name)).resolve("secret"), "secret");
    }
    Files.createSymbolicLink(srv.resolve("dirlink"), Path.of("dirtarget"));
  }

  @AfterEach
  void close() throws IOException {
    fixture.close();
  }

  private static Linux.Builder linux(boolean userNamespace) {
    Linux.Builder linux = BusyboxBundle.linux();
    if (userNamespace) {
      List<Namespace> namespaces = new ArrayList<>(linux.build().namespaces());
      namespaces.add(Namespace.fresh("user"));
      List<IdMapping> maps = List.of(new IdMapping(0, 0, 65_536));
      linux.namespaces(namespaces).uidMappings(maps).gidMappings(maps);
    }
    return linux;
  }

  private static List<String> all() {
    return Stream.of(OF_THE_KERNEL, OF_THE_IMAGE, List.of("/srv/target", "/srv/dirtarget"))
        .flatMap(List::stream)
        .toList();
  }

  private static ContainerProcess look(List<String> paths) {
    List<String> command = new ArrayList<>(List.of("sh", "-c", LOOK, "look"));
    command.addAll(paths);
    return BusyboxBundle.process(command.toArray(String[]::new)).build();
  }

  private Map<String, String> seen(Linux linux) throws IOException {
    return parse(fixture.run(fixture.spec("").process(look(all())).linux(linux).build()));
  }

  private static Map<String, String> parse(String output) {
    return output
        .lines()
        .filter(line -> line.startsWith("/"))
        .map(line -> line.split(" ", 2))
        .collect(Collectors.toMap(line -> line[0], line -> line[1], (a, b) -> b, TreeMap::new));
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void whatIsMaskedIsEmptyAndStaysSo(boolean userNamespace) throws IOException {
    Linux.Builder linux = linux(userNamespace).readonlyPaths(List.of());
    Map<String, String> open = seen(linux.maskedPaths(List.of()).build());
    assertThat(open)
        .hasSize(all().size())
        .containsEntry("/srv/full", "full")
        .containsEntry("/srv/link", "file")
        .containsEntry("/tmp", "writable");

    List<String> masked = new ArrayList<>(all());
    masked.removeAll(List.of("/srv/target", "/srv/dirtarget")); // covered through their links
    Map<String, String> hidden = seen(linux.maskedPaths(masked).build());
    assertThat(hidden.keySet()).isEqualTo(open.keySet());
    hidden.forEach((path, what) -> {
      String before = open.get(path);
      boolean below = path.equals("/srv/full/below");
      assertThat(what)
          .as(path)
          .isEqualTo(
              below || before.equals("absent")
                  ? "absent"
                  : before.equals("file") ? "device 1:3 0" : "empty");
    });
  }

  @Test
  void aProcessExecutedLaterSeesTheSame() throws IOException {
    Linux linux = linux(false).maskedPaths(OF_THE_IMAGE).build();
    Path log = fixture.base.resolve("exec-log");
    try (Task task = fixture.create("c", fixture.spec("exec sleep 1000").linux(linux).build())) {
      task.start();
      TaskProcess exec = task.exec(new ExecSpec("e", look(OF_THE_IMAGE), new TaskIo.Log(log)));
      task.startExec(exec);
      assertThat(exec.await(TaskFixture.LIMIT).orElseThrow().code()).isZero();
      task.kill(9, true);
      task.await(TaskFixture.LIMIT);
      task.delete();
    }
    assertThat(parse(CriLog.read(log).content()).values())
        .isSubsetOf("empty", "absent", "device 1:3 0");
  }

  /** Each line tries to get at what is covered or protected; none may succeed. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "busybox umount /srv/full",
        "busybox umount -l /proc/keys",
        "mount -o remount,rw /srv/ro",
        "mount -o remount,bind,rw /proc/sys",
        "mount --bind / /mnt",
        "busybox mknod /tmp/null c 1 3",
        "touch /srv/ro/new",
        "touch /srv/ro/inner/new",
        "touch /srv/ro/volume/new",
        "busybox mv /srv/ro /srv/moved",
        "busybox rm -r /srv/full",
        "echo boat2 > /proc/sys/kernel/hostname",
        "echo 1 > /proc/sys/vm/drop_caches",
        "cat /proc/1/root/srv/file /proc/self/root/srv/file | grep secret",
        "cd /srv/full/.. && cat full/secret"
      })
  void nothingGetsAround(String attempt) throws IOException {
    Path volume = Files.createDirectory(fixture.base.resolve("volume"));
    List<Mount> mounts = new ArrayList<>(BusyboxBundle.mounts());
    mounts.add(new Mount("/srv/ro/volume", "bind", volume.toString(), List.of("rbind", "rw")));
    RuntimeSpec spec =
        fixture
            .spec(attempt + " && echo got-around")
            .mounts(mounts)
            .linux(
                linux(false)
                    .maskedPaths(List.of("/proc/keys", "/srv/file", "/srv/full"))
                    .readonlyPaths(READONLY)
                    .build())
            .build();
    assertThat(fixture.run(spec)).doesNotContain("got-around").doesNotContain("exit 0");
    assertThat(fixture.rootfs.resolve("srv/full/secret")).exists();
    assertThat(volume).isEmptyDirectory();
  }
}
