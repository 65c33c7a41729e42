package dev.berth.runtime.task;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.berth.runtime.spec.IdMapping;
import dev.berth.runtime.spec.Linux;
import dev.berth.runtime.spec.Namespace;
import dev.berth.runtime.spec.RuntimeSpec;
import dev.berth.runtime.spec.TimeOffset;
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

@RequiresRoot
class TimeNamespaceTest {
  private static final int SIGKILL = 9;
  private static final long DAY = 86_400;

  /** Seconds that a test may take between a reading inside and one outside. */
  private static final double SLACK = 30;

  private static final Map<String, TimeOffset> A_DAY_AHEAD =
      Map.of("boottime", new TimeOffset(DAY, 5), "monotonic", new TimeOffset(2 * DAY, 0));

  /** What a container says: its namespace, its offsets as the kernel has them, its uptime. */
  private static final String LOOK =
      "readlink /proc/self/ns/time; grep -v '^0' /proc/self/timens_offsets | tr -s ' ';"
          + " cat /proc/uptime";

  private TaskFixture fixture;

  @BeforeEach
  void open() throws IOException {
    fixture = new TaskFixture();
  }

  @AfterEach
  void close() throws IOException {
    fixture.close();
  }

  /** What {@link #LOOK} says. */
  private record Seen(String namespace, Map<String, String> offsets, double uptime) {
    static Seen of(String output) {
      List<String> lines = output.lines().toList();
      Map<String, String> offsets = new java.util.HashMap<>();
      for (String line : lines.subList(1, 3)) {
        String[] words = line.split(" ", 2);
        offsets.put(words[0], words[1].strip());
      }
      return new Seen(lines.getFirst(), offsets, Double.parseDouble(lines.get(3).split(" ")[0]));
    }
  }

  @Test
  void clocksOfANewNamespaceAreAheadByTheOffsets() throws IOException {
    Seen seen = Seen.of(fixture.run(look(linux(A_DAY_AHEAD, Namespace.fresh("time")))));
    assertThat(seen.namespace()).isNotEqualTo(hostNamespace());
    assertThat(seen.offsets())
        .containsEntry("boottime", DAY + " 5")
        .containsEntry("monotonic", 2 * DAY + " 0");
    assertThat(seen.uptime() - hostUptime()).isCloseTo(DAY, within(SLACK));
  }

  @Test
  void newNamespaceWithoutOffsetsHasTheHostsClocks() throws IOException {
    Seen seen = Seen.of(fixture.run(look(linux(Map.of(), Namespace.fresh("time")))));
    assertThat(seen.namespace()).isNotEqualTo(hostNamespace());
    assertThat(seen.uptime()).isCloseTo(hostUptime(), within(SLACK));
  }

  @Test
  void namespaceIsTheHostsWhereNoneIsAskedFor() throws IOException {
    Seen seen = Seen.of(fixture.run(look(linux(Map.of()))));
    assertThat(seen.namespace()).isEqualTo(hostNamespace());
  }

  @Test
  void containerInAUserNamespaceHasOffsetsToo() throws IOException {
    Linux linux =
        inUserNamespace(linux(A_DAY_AHEAD, Namespace.fresh("user"), Namespace.fresh("time")));
    Seen seen = Seen.of(fixture.run(look(linux)));
    assertThat(seen.offsets()).containsEntry("boottime", DAY + " 5");
    assertThat(seen.uptime() - hostUptime()).isCloseTo(DAY, within(SLACK));
  }

  @Test
  void otherContainerJoinsByPathAlsoWithAUserNamespaceOfItsOwn() throws IOException {
    try (Task first = running("first", linux(A_DAY_AHEAD, Namespace.fresh("time")))) {
      Namespace joined = Namespace.join("time", "/proc/" + first.pid() + "/ns/time");
      Seen plain = Seen.of(fixture.run(look(linux(Map.of(), joined))));
      assertThat(plain.namespace()).isEqualTo(namespaceOf(first));
      assertThat(plain.uptime() - hostUptime()).isCloseTo(DAY, within(SLACK));
      Linux mapped = inUserNamespace(linux(Map.of(), joined, Namespace.fresh("user")));
      assertThat(Seen.of(fixture.run(look(mapped))).namespace()).isEqualTo(namespaceOf(first));
      end(first);
    }
  }

  @Test
  void newTimeNamespaceBelongsToAJoinedUserNamespace() throws IOException {
    try (Task first = running("first", inUserNamespace(linux(Map.of(), Namespace.fresh("user"))))) {
      Namespace user = Namespace.join("user", "/proc/" + first.pid() + "/ns/user");
      Linux linux = inUserNamespace(linux(A_DAY_AHEAD, user, Namespace.fresh("time")));
      assertThat(Seen.of(fixture.run(look(linux))).offsets()).containsEntry("boottime", DAY + " 5");
      end(first);
    }
  }

  @Test
  void execEntersTheTimeNamespace() throws IOException {
    Linux linux =
        inUserNamespace(linux(A_DAY_AHEAD, Namespace.fresh("user"), Namespace.fresh("time")));
    try (Task task = running("c", linux)) {
      Path out = fixture.base.resolve("exec-log");
      TaskProcess exec =
          task.exec(
              new ExecSpec(
                  "e", BusyboxBundle.process("sh", "-c", LOOK).build(), new TaskIo.Log(out)));
      task.startExec(exec);
      assertThat(exec.await(TaskFixture.LIMIT).orElseThrow().code()).isZero();
      Seen seen = Seen.of(CriLog.read(out).content());
      assertThat(seen.namespace()).isEqualTo(namespaceOf(task));
      assertThat(seen.uptime() - hostUptime()).isCloseTo(DAY, within(SLACK));
      end(task);
    }
  }

  @Test
  void clockThatWouldStandBeforeItsBeginningIsNamed() {
    Map<String, TimeOffset> offsets = Map.of("boottime", new TimeOffset(-4_000_000_000L, 0));
    assertThatThrownBy(() -> fixture.create("c", look(linux(offsets, Namespace.fresh("time")))))
        .hasMessageStartingWith("linux.timeOffsets[\"boottime\"]: write")
        .hasMessageContaining("ERANGE");
    assertThat(fixture.base.resolve("state/c")).doesNotExist();
  }

  private Task running(String id, Linux linux) {
    Task task =
        fixture.create(id, fixture.spec("exec sleep 1000").hostname(null).linux(linux).build());
    task.start();
    Path log = fixture.log();
    assertThat(log.toFile().renameTo(fixture.base.resolve(id + "-log").toFile())).isTrue();
    return task;
  }

  private static void end(Task task) {
    task.kill(SIGKILL, true);
    task.await(TaskFixture.LIMIT);
    task.delete();
  }

  private RuntimeSpec look(Linux linux) {
    return fixture.spec(LOOK).hostname(null).linux(linux).build();
  }

  private static Linux linux(Map<String, TimeOffset> offsets, Namespace... more) {
    List<Namespace> namespaces = new ArrayList<>(BusyboxBundle.linux().build().namespaces());
    namespaces.addAll(List.of(more));
    return BusyboxBundle.linux().namespaces(namespaces).timeOffsets(offsets).build();
  }

  private static Linux inUserNamespace(Linux linux) {
    List<IdMapping> map = List.of(new IdMapping(0, 100_000, 65_536));
    return linux.toBuilder().uidMappings(map).gidMappings(map).build();
  }

  private static String hostNamespace() throws IOException {
    return Files.readSymbolicLink(Path.of("/proc/self/ns/time")).toString();
  }

  private static String namespaceOf(Task task) throws IOException {
    return Files.readSymbolicLink(Path.of("/proc/" + task.pid() + "/ns/time")).toString();
  }

  private static double hostUptime() throws IOException {
    return Double.parseDouble(Files.readString(Path.of("/proc/uptime")).split(" ")[0]);
  }
}
