package dev.berth.runtime.task;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.berth.base.BerthException;
import dev.berth.runtime.kernel.Fd;
import dev.berth.runtime.kernel.ProcessTree;
import dev.berth.runtime.kernel.Processes;
import dev.berth.runtime.spec.Hooks;
import dev.berth.runtime.spec.Hooks.Hook;
import dev.berth.runtime.spec.IdMapping;
import dev.berth.runtime.spec.Namespace;
import dev.berth.runtime.spec.RuntimeSpec;
import dev.berth.runtime.spec.User;
import dev.berth.testing.Await;
import dev.berth.testing.BusyboxBundle;
import dev.berth.testing.RequiresRoot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** OCI hooks of all kinds, as runtime.md and config.md of the runtime-spec describe them. */
@RequiresRoot
class HooksTest {
  /** The points in the order in which they come. */
  enum Point {
    PRESTART("prestart", "creating", false),
    CREATE_RUNTIME("createRuntime", "creating", false),
    CREATE_CONTAINER("createContainer", "creating", true),
    START_CONTAINER("startContainer", "created", true),
    POSTSTART("poststart", "running", false),
    POSTSTOP("poststop", "stopped", false);

    final String field;
    final String status;
    final boolean inside;

    Point(String field, String status, boolean inside) {
      this.field = field;
      this.status = status;
      this.inside = inside;
    }
  }

  private static final List<String> NAMESPACES = List.of("mnt", "pid", "net", "ipc", "uts");

  private TaskFixture fixture;

  /** Where hooks leave marks; the container's /tmp, so that all of them can. */
  private Path marks;

  private List<Integer> before;

  @BeforeEach
  void open() throws IOException {
    fixture = new TaskFixture();
    marks = fixture.rootfs.resolve("tmp");
    Files.setPosixFilePermissions(marks, PosixFilePermissions.fromString("rwxrwxrwx"));
    before = ProcessTree.ownChildren(); // of other tests in this JVM
  }

  @AfterEach
  void close() throws IOException {
    fixture.close();
    assertThat(ProcessTree.ownChildren()).as("zombies and orphans").isSubsetOf(before);
  }

  @Test
  void everyKindRunsAtItsPointInItsNamespacesAndIsToldTheState() throws IOException {
    Map<Point, List<Hook>> hooks = new EnumMap<>(Point.class);
    for (Point point : Point.values()) {
      hooks.put(point, List.of(marking(point, "first"), marking(point, "second")));
    }
    RuntimeSpec spec =
        fixture
            .spec("echo program >> /tmp/order; exec sleep 1000")
            .annotations(Map.of("a", "b"))
            .hooks(hooks(hooks))
            .build();
    int pid;
    try (Task task = fixture.create("c", spec)) {
      pid = task.pid();
      assertThat(order()).isEqualTo(twice(Point.PRESTART, Point.CREATE_CONTAINER));
      task.start();
      Await.until("the program runs", TaskFixture.LIMIT, () -> order().contains("program"));
      List<String> started = twice(Point.PRESTART, Point.POSTSTART);
      assertThat(order())
          .containsAll(started)
          .filteredOn(s -> !s.equals("program"))
          .isEqualTo(started);
      assertThat(order().indexOf("program"))
          .isGreaterThan(started.indexOf("startContainer second"));
      for (Point point : Point.values()) {
        if (point != Point.POSTSTOP) {
          assertNamespaces(point, point.inside ? Path.of("/proc/" + pid) : Path.of("/proc/self"));
        }
      }
      task.kill(9, true);
      assertThat(task.await(TaskFixture.LIMIT)).isPresent();
      assertThat(marks.resolve("poststop second")).doesNotExist();
      task.delete();
    }
    assertThat(order()).endsWith("poststop first", "poststop second");
    assertNamespaces(Point.POSTSTOP, Path.of("/proc/self"));
    for (Point point : Point.values()) {
      JsonObject state = JsonParser.parseString(mark(point, "stdin")).getAsJsonObject();
      assertThat(state.get("ociVersion").getAsString()).isEqualTo(RuntimeSpec.OCI_VERSION);
      assertThat(state.get("id").getAsString()).isEqualTo("c");
      assertThat(state.get("status").getAsString()).isEqualTo(point.status);
      assertThat(state.get("bundle").getAsString()).isEqualTo(fixture.base.toString());
      assertThat(state.getAsJsonObject("annotations").get("a").getAsString()).isEqualTo("b");
      if (point == Point.POSTSTOP) {
        assertThat(state.has("pid")).isFalse();
      } else {
        assertThat(state.get("pid").getAsInt()).as(point.field).isEqualTo(point.inside ? 1 : pid);
      }
    }
  }

  /** The program is busybox, which does what args[0] names. */
  @ParameterizedTest
  @EnumSource
  void argumentsAndEnvironmentAreTheHooksOwn(Point point) throws IOException {
    runToTheEnd(Map.of(point, List.of(marking(point, "only"))));
    assertThat(mark(point, "environment").lines())
        .containsExactlyInAnyOrder("PATH=/bin", "MARKS=" + where(point), "NAME=only");
    assertThat(mark(point, "arguments")).isEqualTo("sh\n");
  }

  @ParameterizedTest
  @EnumSource
  void nothingElseOfTheRuntimeIsInherited(Point point) throws IOException {
    String script = "cd %s; umask > umask; ls /proc/self/fd > files".formatted(where(point));
    runToTheEnd(Map.of(point, List.of(shell(script, null))));
    assertThat(Files.readString(marks.resolve("umask"))).isEqualTo("0022\n");
    // the fourth is the directory that is listed
    assertThat(Files.readAllLines(marks.resolve("files"))).hasSize(4).startsWith("0", "1", "2");
  }

  @Test
  void startContainerHookWithoutEnvironmentHasThePrograms() throws IOException {
    runToTheEnd(
        Map.of(
            Point.START_CONTAINER,
            List.of(shell("tr '\\0' '\\n' </proc/$$/environ >/tmp/env; true", null))));
    assertThat(Files.readString(marks.resolve("env"))).isEqualTo("PATH=/bin\n");
  }

  @Test
  void startContainerHookIsConfinedAsTheProgram() throws IOException {
    String look =
        "id -u > /tmp/id; mkdir /tmp/made; grep -E 'Cap(Eff|Bnd)|NoNew|Seccomp:' /proc/self/status > /tmp/";
    RuntimeSpec spec =
        fixture
            .spec("")
            .process(
                BusyboxBundle.process("sh", "-c", look + "program")
                    .user(new User(1000, 1000, null, List.of()))
                    .noNewPrivileges(true)
                    .build())
            .linux(
                BusyboxBundle.linux()
                    .seccomp(
                        RuntimeSpecs.seccomp(
                            "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":"
                                + "[\"mkdir\",\"mkdirat\"],\"action\":\"SCMP_ACT_ERRNO\"}]}"))
                    .build())
            .hooks(hooks(Map.of(Point.START_CONTAINER, List.of(shell(look + "hook", null)))))
            .build();
    assertThat(fixture.run(spec)).endsWith("exit 0\n");
    assertThat(Files.readString(marks.resolve("id"))).isEqualTo("1000\n");
    assertThat(marks.resolve("made")).doesNotExist();
    assertThat(Files.readString(marks.resolve("hook")))
        .isEqualTo(Files.readString(marks.resolve("program")))
        .contains("Seccomp:\t2");
  }

  /** What hooks of devices do: they find the root by the bundle, and change it. */
  @Test
  void createContainerHookFindsTheRootWhereTheBundleSays() throws IOException {
    Hook hook =
        shell(
            "mkdir "
                + fixture.rootfs
                + "/proc/1/x; echo made > "
                + fixture.rootfs
                + "/dev/made; true",
            null);
    RuntimeSpec spec =
        fixture
            .spec("cat /dev/made")
            .hooks(hooks(Map.of(Point.CREATE_CONTAINER, List.of(hook))))
            .build();
    assertThat(fixture.run(spec)).isEqualTo("made\nexit 0\n");
    assertThat(fixture.rootfs.resolve("dev/made")).doesNotExist(); // it was the container's mount
  }

  @Test
  void hooksFindTheRootOfAUserNamespaceToo() throws IOException {
    Files.setPosixFilePermissions(fixture.base, PosixFilePermissions.fromString("rwx--x--x"));
    List<Namespace> namespaces = new ArrayList<>(BusyboxBundle.linux().build().namespaces());
    namespaces.add(Namespace.fresh("user"));
    List<IdMapping> map = List.of(new IdMapping(0, 0, 65_536));
    Hook inside = shell("echo inside > " + fixture.rootfs + "/dev/inside", null);
    Hook outside =
        shell(
            "p=$(grep -o '\"pid\":[0-9]*'); p=${p#*:}; echo outside > /proc/$p/root"
                + fixture.rootfs
                + "/dev/outside",
            null);
    RuntimeSpec spec =
        fixture
            .spec("cat /dev/outside /dev/inside")
            .linux(
                BusyboxBundle.linux()
                    .namespaces(namespaces)
                    .uidMappings(map)
                    .gidMappings(map)
                    .build())
            .hooks(
                hooks(
                    Map.of(
                        Point.CREATE_RUNTIME,
                        List.of(outside),
                        Point.CREATE_CONTAINER,
                        List.of(inside))))
            .build();
    assertThat(fixture.run(spec)).isEqualTo("outside\ninside\nexit 0\n");
  }

  @ParameterizedTest
  @EnumSource(names = {"PRESTART", "CREATE_RUNTIME", "CREATE_CONTAINER"})
  void failureUndoesTheCreateAndRunsPoststop(Point point) {
    Hook failing = shell("echo no luck >&2; exit 3", null);
    RuntimeSpec spec = failing(point, failing);
    assertThatThrownBy(() -> fixture.create("c", spec))
        .isInstanceOf(BerthException.class)
        .hasMessage(
            "hooks."
                + point.field
                + "[0]: /bin/busybox exited with 3"
                + (point.inside ? "" : ": no luck"));
    assertThat(fixture.base.resolve("state/c")).doesNotExist();
    assertThat(order()).containsExactly("poststop first");
  }

  @Test
  void failureOfStartContainerStopsTheContainer() throws IOException {
    RuntimeSpec spec = failing(Point.START_CONTAINER, shell("kill -9 $$", null));
    try (Task task = fixture.create("c", spec)) {
      assertThatThrownBy(task::start)
          .isInstanceOf(BerthException.class)
          .hasMessage("hooks.startContainer[0]: /bin/busybox was killed by signal 9");
      assertThat(task.await(TaskFixture.LIMIT)).isPresent();
      assertThat(task.state()).isEqualTo(Task.State.STOPPED);
      task.delete();
    }
    assertThat(order()).containsExactly("poststop first");
  }

  @Test
  void failureOfPoststartKillsTheContainer() throws IOException {
    RuntimeSpec spec =
        failing(Point.POSTSTART, shell("exit 4", null)).toBuilder()
            .process(BusyboxBundle.process("sleep", "1000").build())
            .build();
    try (Task task = fixture.create("c", spec)) {
      assertThatThrownBy(task::start)
          .isInstanceOf(BerthException.class)
          .hasMessage("hooks.poststart[0]: /bin/busybox exited with 4");
      assertThat(task.await(TaskFixture.LIMIT).orElseThrow().code()).isEqualTo(137);
      task.delete();
    }
    assertThat(order()).endsWith("poststop first");
  }

  @Test
  void failureOfPoststopIsOnlyAWarning() throws IOException {
    runToTheEnd(
        Map.of(Point.POSTSTOP, List.of(shell("exit 5", null), marking(Point.POSTSTOP, "second"))));
    assertThat(order()).containsExactly("poststop second");
    assertThat(fixture.base.resolve("state/c")).doesNotExist();
  }

  @ParameterizedTest
  @EnumSource(names = {"CREATE_RUNTIME", "CREATE_CONTAINER", "START_CONTAINER"})
  void hookThatCannotBeExecutedIsNamed(Point point) throws IOException {
    Hook missing = new Hook("/no/such/hook", List.of(), List.of(), null);
    RuntimeSpec spec = fixture.spec("true").hooks(hooks(Map.of(point, List.of(missing)))).build();
    assertThatThrownBy(() -> start(spec))
        .isInstanceOf(BerthException.class)
        .hasMessageStartingWith("hooks." + point.field + "[0].path: ")
        .hasMessageContaining("/no/such/hook")
        .hasMessageContaining("no such file or directory");
  }

  /** Also of a container whose PID namespace is the host's: nothing ends them with it there. */
  @ParameterizedTest
  @EnumSource(names = {"PRESTART", "CREATE_CONTAINER", "START_CONTAINER"})
  void hookThatTakesTooLongIsKilledWithItsChildren(Point point) throws IOException {
    Hook slow = shell("sleep 1000 & echo $! > " + where(point) + "/child; sleep 1001", 1);
    RuntimeSpec spec =
        fixture
            .spec("true")
            .linux(
                BusyboxBundle.linux()
                    .namespaces(
                        BusyboxBundle.linux().build().namespaces().stream()
                            .filter(namespace -> !namespace.type().equals("pid"))
                            .toList())
                    .build())
            .hooks(hooks(Map.of(point, List.of(slow))))
            .build();
    assertThatThrownBy(() -> start(spec))
        .isInstanceOf(BerthException.class)
        .hasMessage(
            "hooks." + point.field + "[0]: /bin/busybox did not end within 1000 ms and was killed");
    String child = Files.readString(marks.resolve("child")).strip();
    assertThat(Path.of("/proc", child)).doesNotExist();
  }

  @Test
  void stubKilledDuringAHookLeavesNothing() {
    Hook killer =
        shell(
            "p=$(grep -o '\"pid\":[0-9]*'); p=${p#*:};"
                + " kill -9 $(grep PPid /proc/$p/status | tr -dc 0-9)",
            null);
    RuntimeSpec spec = failing(Point.CREATE_RUNTIME, killer);
    assertThatThrownBy(() -> fixture.create("c", spec)).isInstanceOf(BerthException.class);
    assertThat(fixture.base.resolve("state/c")).doesNotExist();
    assertThat(order()).containsExactly("poststop first");
  }

  /** A shim that took over has hooks to run as the one that created the container. */
  @Test
  void hooksRunAfterTheTaskWasAdopted() throws IOException {
    Map<Point, List<Hook>> hooks = new EnumMap<>(Point.class);
    for (Point point : List.of(Point.START_CONTAINER, Point.POSTSTART, Point.POSTSTOP)) {
      hooks.put(point, List.of(marking(point, "first")));
    }
    fixture.create("c", fixture.spec("exit 6").hooks(hooks(hooks)).build()).close();
    try (Tasks successor = fixture.newTasks();
        Task task = successor.adopt("c")) {
      task.start();
      assertThat(task.await(TaskFixture.LIMIT).orElseThrow().code()).isEqualTo(6);
      task.delete();
    }
    assertThat(order())
        .containsExactly("startContainer first", "poststart first", "poststop first");
    reapStub();
  }

  /** The test is both the shim that has ended and its successor, which has no stub to reap. */
  private void reapStub() {
    for (int pid : ProcessTree.ownChildren()) {
      if (!before.contains(pid)) {
        try (Fd stub = Processes.open(pid).orElseThrow()) {
          assertThat(Processes.waitFor(stub, TaskFixture.LIMIT)).isPresent();
        }
      }
    }
  }

  // ---- what hooks do ----

  private String where(Point point) {
    return point == Point.START_CONTAINER ? "/tmp" : marks.toString();
  }

  /** Appends its name to a list, and writes all that it knows. */
  private Hook marking(Point point, String name) {
    String script =
        """
        cd $MARKS
        echo POINT $NAME >> order
        cat > POINT-stdin
        env | grep -vE '^(PWD|OLDPWD|SHLVL|_)=' > POINT-environment
        echo "$0" > POINT-arguments
        for n in mnt pid net ipc uts; do readlink /proc/self/ns/$n; done > POINT-namespaces
        """
            .replace("POINT", point.field);
    return new Hook(
        "/bin/busybox",
        List.of("sh", "-c", script),
        List.of("PATH=/bin", "MARKS=" + where(point), "NAME=" + name),
        10);
  }

  private static Hook shell(String script, Integer timeout) {
    return new Hook("/bin/busybox", List.of("sh", "-c", script), List.of(), timeout);
  }

  private RuntimeSpec failing(Point point, Hook hook) {
    return fixture
        .spec("echo never")
        .hooks(
            hooks(
                Map.of(
                    point,
                    List.of(hook),
                    Point.POSTSTOP,
                    List.of(marking(Point.POSTSTOP, "first")))))
        .build();
  }

  /** Creates and starts; what is left of a failed start is ended. */
  private void start(RuntimeSpec spec) {
    try (Task task = fixture.create("c", spec)) {
      try {
        task.start();
      } finally {
        assertThat(task.await(TaskFixture.LIMIT)).isPresent();
        task.delete();
      }
    }
  }

  private void runToTheEnd(Map<Point, List<Hook>> hooks) throws IOException {
    assertThat(fixture.run(fixture.spec("true").hooks(hooks(hooks)).build())).isEqualTo("exit 0\n");
  }

  private static Hooks hooks(Map<Point, List<Hook>> byPoint) {
    return new Hooks(
        byPoint.getOrDefault(Point.PRESTART, List.of()),
        byPoint.getOrDefault(Point.CREATE_RUNTIME, List.of()),
        byPoint.getOrDefault(Point.CREATE_CONTAINER, List.of()),
        byPoint.getOrDefault(Point.START_CONTAINER, List.of()),
        byPoint.getOrDefault(Point.POSTSTART, List.of()),
        byPoint.getOrDefault(Point.POSTSTOP, List.of()));
  }

  // ---- what they have left ----

  private List<String> order() {
    try {
      Path file = marks.resolve("order");
      return Files.exists(file) ? Files.readAllLines(file) : List.of();
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  private static List<String> twice(Point from, Point to) {
    List<String> expected = new ArrayList<>();
    for (Point point : Point.values()) {
      if (point.compareTo(from) >= 0 && point.compareTo(to) <= 0) {
        expected.add(point.field + " first");
        expected.add(point.field + " second");
      }
    }
    return expected;
  }

  private String mark(Point point, String what) throws IOException {
    return Files.readString(marks.resolve(point.field + "-" + what));
  }

  private void assertNamespaces(Point point, Path process) throws IOException {
    List<String> expected = new ArrayList<>();
    for (String namespace : NAMESPACES) {
      expected.add(Files.readSymbolicLink(process.resolve("ns").resolve(namespace)).toString());
    }
    assertThat(mark(point, "namespaces").lines().toList()).as(point.field).isEqualTo(expected);
  }
}
