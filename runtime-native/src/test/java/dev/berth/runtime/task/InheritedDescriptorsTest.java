package dev.berth.runtime.task;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.base.BerthException;
import dev.berth.runtime.kernel.Descriptors;
import dev.berth.runtime.kernel.Fd;
import dev.berth.runtime.kernel.OpenFlag;
import dev.berth.runtime.kernel.Syscalls;
import dev.berth.runtime.spec.Mount;
import dev.berth.runtime.spec.RuntimeSpec;
import dev.berth.testing.BusyboxBundle;
import dev.berth.testing.RequiresRoot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Rule R4: a process of a container has its three standard streams and nothing else of the host's,
 * neither as a descriptor nor as a working directory (CVE-2024-21626).
 */
@RequiresRoot
class InheritedDescriptorsTest {
  private static final int LEAKED = 50;

  private TaskFixture fixture;
  private final List<Fd> leaked = new ArrayList<>();
  private Path secret;

  @BeforeEach
  void open() throws IOException {
    fixture = new TaskFixture();
    secret = Files.createDirectory(fixture.base.resolve("secret"));
    for (int i = 0; i < LEAKED; i++) {
      try (Fd directory = Descriptors.open(secret, OpenFlag.DIRECTORY)) {
        // dup(2) forgets close-on-exec, as a careless library would
        leaked.add(Fd.own(Syscalls.check("dup", directory, directory.number())));
      }
    }
  }

  @AfterEach
  void close() throws IOException {
    leaked.forEach(Fd::close);
    fixture.close();
  }

  @Test
  void processHasThreeDescriptors() throws IOException {
    try (Task task = fixture.create("c", fixture.spec("exec sleep 1000").build())) {
      task.start();
      assertThat(descriptors(task.pid())).containsOnlyKeys("0", "1", "2");
      TaskProcess exec = exec(task, "e");
      assertThat(descriptors(exec.pid())).containsOnlyKeys("0", "1", "2");
      exec.signal(9);
      exec.await(TaskFixture.LIMIT);
    }
  }

  @Test
  void processWithATerminalHasThreeDescriptors() throws IOException {
    RuntimeSpec spec =
        fixture
            .spec("")
            .process(BusyboxBundle.process("sleep", "1000").terminal(true).build())
            .build();
    try (Task task = fixture.create("c", spec)) {
      task.start();
      assertThat(descriptors(task.pid()))
          .containsOnlyKeys("0", "1", "2")
          .allSatisfy((number, file) -> assertThat(file).isEqualTo("/dev/pts/0"));
    }
  }

  /** Not even while it waits for its start, and nor does the stub. */
  @Test
  void nothingLeakedReachesStubOrCreatedProcess() throws IOException {
    try (Task task = fixture.create("c", fixture.spec("true").build())) {
      for (int pid : List.of(task.pid(), SealedEntryTest.parentOf(task.pid()))) {
        assertThat(descriptors(pid).values()).doesNotContain(secret.toString());
      }
    }
  }

  /** A register of the plan that is used again lets go of what it held. */
  @Test
  void manyMountsNeedFewDescriptors() throws IOException {
    List<Mount> mounts = new ArrayList<>(BusyboxBundle.mounts());
    for (int i = 0; i < 100; i++) {
      mounts.add(new Mount("/m/" + i, "bind", secret.toString(), List.of("rbind", "ro")));
    }
    try (Task task = fixture.create("c", fixture.spec("true").mounts(mounts).build())) {
      assertThat(descriptors(task.pid()).size()).isLessThan(60);
    }
  }

  /** What CVE-2024-21626 was: a working directory that is a descriptor of the host. */
  @Test
  void descriptorIsNoWorkingDirectory() throws IOException {
    String before = HostState.read(fixture.base);
    for (int i = 0; i <= 200; i++) {
      assertRefused("/proc/self/fd/" + i);
    }
    assertThat(HostState.read(fixture.base)).isEqualTo(before);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "/proc/self/cwd",
        "/proc/1/root",
        "/proc/thread-self/fd/7",
        "/proc/self/task/1/fd/7",
        "/dev/fd/7",
        "/link",
        "/link/below"
      })
  void otherWaysToADescriptorAreNone(String directory) throws IOException {
    Files.createSymbolicLink(fixture.rootfs.resolve("link"), Path.of("/proc/self/fd/7"));
    assertRefused(directory);
  }

  private void assertRefused(String directory) {
    RuntimeSpec spec =
        fixture.spec("").process(BusyboxBundle.process("pwd").cwd(directory).build()).build();
    assertThatThrownBy(() -> fixture.create("c", spec))
        .isInstanceOf(BerthException.class)
        .hasMessageStartingWith("process.cwd: ");
  }

  @Test
  void descriptorIsNoWorkingDirectoryOfAnExec() {
    try (Task task = fixture.create("c", fixture.spec("exec sleep 1000").build())) {
      task.start();
      for (int i = 0; i <= 30; i++) {
        ExecSpec spec =
            new ExecSpec(
                "e",
                BusyboxBundle.process("pwd").cwd("/proc/self/fd/" + i).build(),
                new TaskIo.Log(null));
        assertThatThrownBy(() -> task.exec(spec)).hasMessageStartingWith("process.cwd: ");
      }
    }
  }

  /** Above a directory that is made for the process there is only the container's root. */
  @Test
  void workingDirectoryIsMadeInsideTheRoot() throws IOException {
    Files.createSymbolicLink(fixture.rootfs.resolve("up"), Path.of("../../../.."));
    RuntimeSpec spec =
        fixture
            .spec("")
            .process(BusyboxBundle.process("sh", "-c", "pwd -P; ls /").cwd("/up/new").build())
            .build();
    assertThat(fixture.run(spec)).startsWith("/new\nbin\n").contains("new\n");
    assertThat(fixture.rootfs.resolve("new")).isDirectory();
  }

  private TaskProcess exec(Task task, String id) {
    TaskProcess exec =
        task.exec(
            new ExecSpec(
                id,
                BusyboxBundle.process("sleep", "1000").build(),
                new TaskIo.Log(fixture.base.resolve("exec.log"))));
    task.startExec(exec);
    return exec;
  }

  private static java.util.Map<String, String> descriptors(int pid) throws IOException {
    java.util.Map<String, String> found = new java.util.TreeMap<>();
    try (Stream<Path> entries = Files.list(Path.of("/proc/" + pid + "/fd"))) {
      for (Path entry : entries.toList()) {
        found.put(entry.getFileName().toString(), Files.readSymbolicLink(entry).toString());
      }
    }
    return found;
  }
}
