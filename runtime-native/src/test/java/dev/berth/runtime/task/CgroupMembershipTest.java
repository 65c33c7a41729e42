package dev.berth.runtime.task;

import static org.assertj.core.api.Assertions.assertThat;

import dev.berth.runtime.spec.IdMapping;
import dev.berth.runtime.spec.Linux;
import dev.berth.runtime.spec.Namespace;
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
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Rule R7: a process is in its container's cgroup in every hierarchy, also one of a user namespace
 * and one executed later (CVE-2025-47291); its stub is not.
 */
@RequiresRoot
class CgroupMembershipTest {
  private final String parent = "/berth-test-membership-" + ProcessHandle.current().pid();
  private TaskFixture fixture;

  @BeforeEach
  void open() throws IOException {
    fixture = new TaskFixture();
  }

  @AfterEach
  void close() throws IOException {
    fixture.close();
    CgroupCleanup.removeParent(parent + "/c");
  }

  static Stream<List<Namespace>> namespaces() {
    List<Namespace> plain = BusyboxBundle.linux().build().namespaces();
    return Stream.of(
        plain, with(plain, "user"), with(plain, "cgroup"), with(with(plain, "user"), "cgroup"));
  }

  private static List<Namespace> with(List<Namespace> namespaces, String type) {
    List<Namespace> more = new ArrayList<>(namespaces);
    more.add(Namespace.fresh(type));
    return more;
  }

  /** The view is that of the joined namespace, whose root is the first container's cgroup. */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void cgroupNamespaceIsJoinedByPathAfterTheMove(boolean inUserNamespace) throws IOException {
    List<Namespace> plain = BusyboxBundle.linux().build().namespaces();
    Linux first =
        BusyboxBundle.linux().namespaces(with(plain, "cgroup")).cgroupsPath(parent + "/c").build();
    try (Task task = fixture.create("c", fixture.spec("exec sleep 1000").linux(first).build())) {
      task.start();
      List<Namespace> joining = new ArrayList<>(inUserNamespace ? with(plain, "user") : plain);
      String namespace = "/proc/" + task.pid() + "/ns/cgroup";
      joining.add(Namespace.join("cgroup", namespace));
      List<IdMapping> maps =
          inUserNamespace ? List.of(new IdMapping(0, 100_000, 65_536)) : List.of();
      Linux second =
          first.toBuilder()
              .namespaces(joining)
              .uidMappings(maps)
              .gidMappings(maps)
              .cgroupsPath(parent + "/d")
              .build();
      Files.delete(fixture.log());
      String script = "readlink /proc/self/ns/cgroup; grep -c ':/../d$' /proc/self/cgroup";
      String hierarchies = Long.toString(cgroups(task.pid()).size());
      assertThat(fixture.run(fixture.spec(script).linux(second).build()))
          .isEqualTo(
              Files.readSymbolicLink(Path.of(namespace)) + "\n" + hierarchies + "\nexit 0\n");
      task.kill(9, true);
      task.await(TaskFixture.LIMIT);
      task.delete();
    }
  }

  @ParameterizedTest
  @MethodSource("namespaces")
  void processIsInItsCgroupInEveryHierarchy(List<Namespace> namespaces) throws IOException {
    boolean mapped = namespaces.stream().anyMatch(one -> one.type().equals("user"));
    List<IdMapping> maps = mapped ? List.of(new IdMapping(0, 100_000, 65_536)) : List.of();
    Linux linux =
        BusyboxBundle.linux()
            .namespaces(namespaces)
            .uidMappings(maps)
            .gidMappings(maps)
            .cgroupsPath(parent + "/c")
            .build();
    try (Task task = fixture.create("c", fixture.spec("exec sleep 1000").linux(linux).build())) {
      assertMember(task.pid());
      task.start();
      assertMember(task.pid());
      TaskProcess exec =
          task.exec(
              new ExecSpec(
                  "e", BusyboxBundle.process("sleep", "1000").build(), new TaskIo.Log(null)));
      task.startExec(exec);
      assertMember(exec.pid());
      assertThat(cgroups(SealedEntryTest.parentOf(task.pid())))
          .noneMatch(path -> path.startsWith(parent));
      assertThat(task.pids()).contains(task.pid(), exec.pid());
      task.kill(9, true);
      task.await(TaskFixture.LIMIT);
      exec.await(TaskFixture.LIMIT);
      task.delete();
    }
  }

  private void assertMember(int pid) throws IOException {
    assertThat(cgroups(pid)).isNotEmpty().allMatch(path -> path.equals(parent + "/c"));
  }

  /**
   * Under v1 the hierarchy 0, of v2, has no controllers and nobody uses it; nor is anybody moved in
   * the one that a Berth which serves on this machine holds (FavoredMoves).
   */
  private static List<String> cgroups(int pid) throws IOException {
    List<String> lines = Files.readAllLines(Path.of("/proc", Integer.toString(pid), "cgroup"));
    boolean versionOne = lines.stream().anyMatch(line -> !line.startsWith("0:"));
    return lines.stream()
        .filter(line -> !versionOne || !line.startsWith("0:"))
        .filter(line -> !line.contains(":name=berth:"))
        .map(line -> line.split(":", 3)[2])
        .toList();
  }
}
