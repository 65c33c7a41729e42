package dev.berth.runtime.task;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.base.BerthException;
import dev.berth.runtime.spec.ContainerProcess;
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
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Rule R2: what is written into procfs while a container is made arrives there and nowhere else,
 * whatever stands at the container's /proc (CVE-2019-16884, CVE-2019-19921, CVE-2025-52881).
 */
@RequiresRoot
class ProcfsTest {
  private static final String SYSCTL = "net.ipv4.ip_unprivileged_port_start";
  private static final String SYSCTL_PATH = "sys/net/ipv4/ip_unprivileged_port_start";
  private static final Path ON_HOST = Path.of("/proc", SYSCTL_PATH);
  private static final int SCORE = 321;

  private TaskFixture fixture;
  private Path decoy;
  private String hostValue;

  @BeforeEach
  void open() throws IOException {
    fixture = new TaskFixture();
    hostValue = parameter(ON_HOST);
    decoy = makeDecoy(fixture.base.resolve("decoy"));
  }

  @AfterEach
  void close() throws IOException {
    fixture.close();
    assertThat(parameter(ON_HOST)).isEqualTo(hostValue);
  }

  /** In one read: a second one finds the end, wherever the first stopped. */
  private static String parameter(Path file) throws IOException {
    try (var in = Files.newInputStream(file)) {
      byte[] bytes = new byte[4096];
      return new String(bytes, 0, in.read(bytes), java.nio.charset.StandardCharsets.UTF_8).trim();
    }
  }

  /** Files in the places that a runtime writes to in procfs, and links that lead to others. */
  private static Path makeDecoy(Path directory) throws IOException {
    for (String name :
        List.of(SYSCTL_PATH, "self/oom_score_adj", "1/oom_score_adj", "self/attr/exec")) {
      Path file = directory.resolve(name);
      Files.createDirectories(file.getParent());
      Files.writeString(file, "decoy");
    }
    Files.createSymbolicLink(directory.resolve("thread-self"), Path.of("self"));
    return directory;
  }

  @Test
  void bindOfAHostDirectoryAtProcGetsNothing() throws IOException {
    var before = Inventory.of(decoy);
    List<Mount> mounts = withProc(new Mount("/proc", "bind", decoy.toString(), List.of("bind")));
    assertParametersArrive(fixture.spec("").mounts(mounts));
    assertThat(Inventory.of(decoy)).isEqualTo(before);
  }

  @Test
  void temporaryFileSystemAtProcGetsNothing() throws IOException {
    assertParametersArrive(
        fixture.spec("").mounts(withProc(new Mount("/proc", "tmpfs", "tmpfs", List.of()))));
  }

  /** No mount at all: what the image has at /proc stays what it is. */
  @Test
  void directoryOfTheImageAtProcGetsNothing() throws IOException {
    Path proc = makeDecoy(fixture.rootfs.resolve("proc"));
    var before = Inventory.of(proc);
    List<Mount> mounts = new ArrayList<>(BusyboxBundle.mounts());
    mounts.removeFirst();
    assertParametersArrive(fixture.spec("").mounts(mounts));
    assertThat(Inventory.of(proc)).isEqualTo(before);
  }

  @ParameterizedTest
  @ValueSource(strings = {"/etc", "../../decoy", "decoy", "/proc/self/root"})
  void linkAtProcIsRefused(String target) throws IOException {
    replaceProc(proc -> Files.createSymbolicLink(proc, Path.of(target)));
    assertRefused("mounts[0] /proc: openat2 \"/proc\": ELOOP");
  }

  @Test
  void linkToTheDecoyIsRefusedAndTheDecoyUntouched() throws IOException {
    var before = Inventory.of(decoy);
    replaceProc(proc -> Files.createSymbolicLink(proc, decoy));
    assertRefused("mounts[0] /proc: openat2 \"/proc\": ELOOP");
    assertThat(Inventory.of(decoy)).isEqualTo(before);
  }

  @Test
  void fileAtProcIsRefused() throws IOException {
    replaceProc(proc -> Files.writeString(proc, ""));
    assertRefused("mounts[0] /proc: openat2 \"/proc\": ENOTDIR");
  }

  /** A name that leads elsewhere is refused before any file is opened. */
  @ParameterizedTest
  @CsvSource({
    "kernel.core_pattern, |/bin/sh",
    "net.ipv4.conf.all.forwarding/../../../../kernel/core_pattern, x"
  })
  void parameterOfTheHostIsOutOfReach(String name, String value) throws IOException {
    Path pattern = Path.of("/proc/sys/kernel/core_pattern");
    String before = parameter(pattern);
    RuntimeSpec spec =
        fixture.spec("").linux(BusyboxBundle.linux().sysctl(Map.of(name, value)).build()).build();
    assertThatThrownBy(() -> dev.berth.runtime.spec.SpecValidator.validate(spec))
        .isInstanceOf(BerthException.class)
        .hasMessageContaining("sysctl");
    assertThat(parameter(pattern)).isEqualTo(before);
  }

  private interface Maker {
    void make(Path proc) throws IOException;
  }

  private void replaceProc(Maker maker) throws IOException {
    Path proc = fixture.rootfs.resolve("proc");
    Files.delete(proc);
    maker.make(proc);
  }

  private void assertRefused(String message) throws IOException {
    String before = HostState.read(fixture.base);
    RuntimeSpec spec = parameters(fixture.spec("true")).build();
    assertThatThrownBy(() -> fixture.create("c", spec))
        .isInstanceOf(BerthException.class)
        .hasMessageStartingWith(message);
    assertThat(HostState.read(fixture.base)).isEqualTo(before);
  }

  private static List<Mount> withProc(Mount proc) {
    List<Mount> mounts = new ArrayList<>(BusyboxBundle.mounts());
    mounts.set(0, proc);
    return mounts;
  }

  private static RuntimeSpec.Builder parameters(RuntimeSpec.Builder spec) {
    ContainerProcess process = BusyboxBundle.process("sleep", "1000").oomScoreAdj(SCORE).build();
    return spec.process(process).linux(BusyboxBundle.linux().sysctl(Map.of(SYSCTL, "77")).build());
  }

  /** The score stands in the kernel, and the parameter in the container's network namespace. */
  private void assertParametersArrive(RuntimeSpec.Builder spec) throws IOException {
    try (Task task = fixture.create("c", parameters(spec).build())) {
      assertThat(Path.of("/proc/" + task.pid() + "/oom_score_adj"))
          .hasContent(Integer.toString(SCORE));
      task.start();
      Linux inside =
          Linux.builder()
              .namespaces(
                  List.of(
                      Namespace.join("network", "/proc/" + task.pid() + "/ns/net"),
                      Namespace.fresh("pid"),
                      Namespace.fresh("mount")))
              .build();
      Path rootfs = BusyboxBundle.makeRootfs(fixture.base.resolve("clean"));
      RuntimeSpec reader =
          BusyboxBundle.spec(rootfs, "cat /proc/" + SYSCTL_PATH)
              .hostname(null)
              .linux(inside)
              .build();
      assertThat(runIn(rootfs, reader)).isEqualTo("77\n");
      task.kill(9, false);
      task.await(TaskFixture.LIMIT);
      task.delete();
    }
  }

  private String runIn(Path rootfs, RuntimeSpec spec) throws IOException {
    Path log = fixture.base.resolve("reader.log");
    try (Task task =
        fixture.tasks.create(
            new TaskSpec(
                "reader",
                fixture.base,
                spec,
                new dev.berth.runtime.plan.Rootfs.Directory(rootfs.toString()),
                new TaskIo.Log(log)))) {
      task.start();
      task.await(TaskFixture.LIMIT);
      task.delete();
    }
    return CriLog.read(log).content();
  }
}
