package dev.berth.runtime.task;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.base.BerthException;
import dev.berth.runtime.spec.IdMapping;
import dev.berth.runtime.spec.Mount;
import dev.berth.runtime.spec.Namespace;
import dev.berth.runtime.spec.Resources;
import dev.berth.runtime.spec.RuntimeSpec;
import dev.berth.runtime.spec.Seccomp;
import dev.berth.runtime.spec.User;
import dev.berth.testing.Await;
import dev.berth.testing.BusyboxBundle;
import dev.berth.testing.RequiresRoot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@RequiresRoot
class TaskTest {
  private TaskFixture fixture;

  @BeforeEach
  void open() throws IOException {
    fixture = new TaskFixture();
  }

  @AfterEach
  void close() throws IOException {
    fixture.close();
  }

  @Test
  void outputIsLoggedByteForByteAndTheExitCodeArrives() throws IOException {
    String script = "echo one; printf 'two\\r\\n'; printf tail; exit 3";
    assertThat(fixture.run(fixture.spec(script).build())).isEqualTo("one\ntwo\r\ntailexit 3\n");
  }

  @Test
  void streamsAreTaggedAndLongLinesAreCut() throws IOException {
    try (Task task =
        fixture.create(
            "c",
            fixture.spec("echo err >&2; head -c 40000 /dev/zero | tr '\\0' x; echo").build())) {
      task.start();
      assertThat(task.await(TaskFixture.LIMIT)).isPresent();
    }
    List<CriLog.Line> lines = CriLog.read(fixture.log()).lines();
    assertThat(lines.stream().filter(line -> line.stream().equals("stderr")).toList())
        .singleElement()
        .satisfies(line -> assertThat(line.content()).isEqualTo("err"));
    List<CriLog.Line> out = lines.stream().filter(line -> line.stream().equals("stdout")).toList();
    assertThat(out).extracting(CriLog.Line::full).containsExactly(false, false, true);
    assertThat(out).extracting(line -> line.content().length()).containsExactly(16384, 16384, 7232);
  }

  @Test
  void nothingRunsBeforeStart() throws IOException {
    try (Task task = fixture.create("c", fixture.spec("echo ran").build())) {
      assertThat(task.state()).isEqualTo(Task.State.CREATED);
      assertThat(fixture.log()).isEmptyFile();
      task.start();
      assertThat(task.await(TaskFixture.LIMIT)).isPresent();
      assertThat(task.state()).isEqualTo(Task.State.STOPPED);
      assertThat(CriLog.read(fixture.log()).content()).isEqualTo("ran\n");
    }
  }

  @Test
  void killedProcessExitsWith128PlusSignal() {
    try (Task task = fixture.create("c", fixture.spec("exec sleep 1000").build())) {
      task.start();
      assertThat(task.kill(9, false)).isTrue();
      assertThat(task.await(TaskFixture.LIMIT).orElseThrow().code()).isEqualTo(137);
    }
  }

  @Test
  void createdTaskIsDeletedWithItsProcess() {
    Task task = fixture.create("c", fixture.spec("echo never").build());
    int pid = task.pid();
    task.delete();
    assertThat(Path.of("/proc", Integer.toString(pid))).doesNotExist();
    assertThat(fixture.base.resolve("state/c")).doesNotExist();
  }

  @Test
  void processIsConfinedAsTheSpecSays() throws IOException {
    String script =
        """
        exec 2>&1; hostname; cat /proc/self/status | grep -E '^(Cap(Prm|Eff|Bnd|Inh|Amb)|NoNewPrivs)'
        echo x > /proc/sys/kernel/hostname; head -c1 /proc/keys | wc -c; ls /proc/acpi 2> /dev/null | wc -l
        stat -c %t:%T /dev/null; test -e /proc/1/root/../../etc/shadow && echo escaped
        echo $$; readlink /dev/fd; ls /proc/self/fd | wc -l
        """;
    assertThat(fixture.run(fixture.spec(script).build()))
        .isEqualTo(
            """
            boat
            CapInh:\t0000000000000000
            CapPrm:\t00000000000000e1
            CapEff:\t00000000000000e1
            CapBnd:\t00000000000000e1
            CapAmb:\t0000000000000000
            NoNewPrivs:\t0
            sh: can't create /proc/sys/kernel/hostname: Read-only file system
            0
            0
            1:3
            1
            /proc/self/fd
            4
            exit 0
            """);
  }

  @Test
  void userAndGroupsAreTheGivenOnes() throws IOException {
    RuntimeSpec.Builder spec = fixture.spec("");
    spec.process(
        BusyboxBundle.process("id")
            .user(new User(1000, 2000, null, List.of(3000L, 4000L)))
            .build());
    assertThat(fixture.run(spec.build())).startsWith("uid=1000 gid=2000 groups=3000,4000\n");
  }

  @Test
  void noNewPrivilegesAndSeccompHold() throws IOException {
    Seccomp profile =
        RuntimeSpecs.seccomp(
            """
            {"defaultAction":"SCMP_ACT_ALLOW","syscalls":[
              {"names":["mkdir","mkdirat"],"action":"SCMP_ACT_ERRNO","errnoRet":28}]}\
            """);
    for (boolean noNewPrivileges : List.of(true, false)) {
      RuntimeSpec.Builder spec =
          fixture
              .spec("")
              .process(
                  BusyboxBundle.process(
                          "sh", "-c", "exec 2>&1; mkdir /x; grep -c 'Seccomp:.2' /proc/self/status")
                      .noNewPrivileges(noNewPrivileges)
                      .build())
              .linux(BusyboxBundle.linux().seccomp(profile).build());
      assertThat(fixture.run(spec.build()))
          .isEqualTo("mkdir: can't create directory '/x': No space left on device\n1\nexit 0\n");
    }
  }

  @Test
  void userNamespaceMapsRootToAnOrdinaryUser() throws IOException {
    IdMapping map = new IdMapping(0, 100_000, 65_536);
    List<Namespace> namespaces = new ArrayList<>(BusyboxBundle.linux().build().namespaces());
    namespaces.add(Namespace.fresh("user"));
    RuntimeSpec.Builder spec =
        fixture
            .spec(
                "exec 2>&1; id; cat /proc/self/uid_map | tr -s ' '; ls -ln /dev/null | cut -c1;"
                    + " touch /etc/x")
            .linux(
                BusyboxBundle.linux()
                    .namespaces(namespaces)
                    .uidMappings(List.of(map))
                    .gidMappings(List.of(map))
                    .build());
    assertThat(fixture.run(spec.build()))
        .isEqualTo(
            "uid=0 gid=0\n 0 100000 65536\nc\n" + "touch: /etc/x: Permission denied\nexit 1\n");
  }

  @Test
  void sysctlsAreWrittenInsideTheNamespaces() throws IOException {
    RuntimeSpec.Builder spec =
        fixture
            .spec("cat /proc/sys/net/ipv4/ip_unprivileged_port_start")
            .linux(
                BusyboxBundle.linux()
                    .sysctl(Map.of("net.ipv4.ip_unprivileged_port_start", "7"))
                    .build());
    assertThat(fixture.run(spec.build())).isEqualTo("7\nexit 0\n");
  }

  @Test
  void limitsOfTheCgroupHold() throws IOException {
    String group = "/berth-test-" + ProcessHandle.current().pid() + "/limits";
    Resources resources =
        RuntimeSpecs.resources("{\"pids\":{\"limit\":17},\"memory\":{\"limit\":33554432}}");
    RuntimeSpec spec =
        fixture
            .spec("cat /proc/self/cgroup")
            .linux(BusyboxBundle.linux().cgroupsPath(group).resources(resources).build())
            .build();
    try {
      String seen = fixture.run(spec);
      assertThat(seen).contains(group + "\n").endsWith("exit 0\n");
    } finally {
      CgroupCleanup.removeParent(group);
    }
  }

  @Test
  void bindMountsKeepTheirOptions() throws IOException {
    Path volume = Files.createDirectory(fixture.base.resolve("volume"));
    Path file = Files.writeString(fixture.base.resolve("file"), "content\n");
    List<Mount> mounts = new ArrayList<>(BusyboxBundle.mounts());
    mounts.add(
        new Mount("/data/deep", "bind", volume.toString(), List.of("rbind", "ro", "noexec")));
    mounts.add(new Mount("/etc/file", "bind", file.toString(), List.of("bind", "rprivate")));
    String script =
        "exec 2>&1; cat /etc/file; touch /data/deep/x; grep ' /data/deep ' /proc/mounts | tr ,"
            + " '\\n' | grep -cE '^(noexec|ro)$'";
    assertThat(fixture.run(fixture.spec(script).mounts(mounts).build()))
        .isEqualTo("content\ntouch: /data/deep/x: Read-only file system\n1\nexit 0\n");
  }

  @Test
  void failedStepNamesTheFieldAndLeavesNothing() throws IOException {
    List<Mount> mounts = new ArrayList<>(BusyboxBundle.mounts());
    mounts.add(new Mount("/data", "bind", "/no/such/source", List.of("bind")));
    RuntimeSpec spec = fixture.spec("true").mounts(mounts).build();
    String before = HostState.read(fixture.base);
    assertThatThrownBy(() -> fixture.create("c", spec))
        .isInstanceOf(BerthException.class)
        .hasMessage(
            "mounts[4] /data: open_tree \"/no/such/source\": ENOENT (no such file or directory)");
    assertThat(HostState.read(fixture.base)).isEqualTo(before);
    assertThat(fixture.base.resolve("state/c")).doesNotExist();
  }

  @ParameterizedTest
  @CsvSource({
    "no-such-program, executable file not found in $PATH",
    "/no/such/program, 'no such file or directory (the file itself, or the interpreter it needs)'",
    "/etc/script, 'no such file or directory (the file itself, or the interpreter it needs)'",
    "/etc/plain, permission denied",
    "/etc, permission denied",
    "locked, permission denied",
    "/etc/garbage, exec format error",
    "garbage, exec format error",
    "/etc/loop, too many levels of symbolic links",
  })
  void programThatCannotBeExecutedIsAStartErrorThatNamesIt(String program, String reason)
      throws IOException {
    Path etc = fixture.rootfs.resolve("etc");
    Files.writeString(etc.resolve("plain"), "no program\n");
    Files.createSymbolicLink(etc.resolve("loop"), Path.of("loop"));
    executable(etc.resolve("script"), "#!/no/such/interpreter\n");
    executable(etc.resolve("garbage"), "garbage\n");
    executable(fixture.rootfs.resolve("bin/garbage"), "garbage\n");
    Files.writeString(fixture.rootfs.resolve("bin/locked"), "no program\n");
    RuntimeSpec.Builder spec = fixture.spec("");
    spec.process(BusyboxBundle.process(program).build());
    try (Task task = fixture.create("c", spec.build())) {
      assertThatThrownBy(task::start)
          .hasMessage("process.args[0]: exec \"" + program + "\": " + reason);
      assertThat(task.await(TaskFixture.LIMIT)).isPresent();
    }
  }

  private static void executable(Path file, String content) throws IOException {
    Files.writeString(file, content);
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x"));
  }

  @Test
  void takenIdIsRefused() {
    try (Task task = fixture.create("c", fixture.spec("true").build())) {
      assertThat(task.id()).isEqualTo("c");
      assertThatThrownBy(() -> fixture.create("c", fixture.spec("true").build()))
          .hasMessage("container c: already exists")
          .extracting(e -> ((BerthException) e).kind())
          .isEqualTo(BerthException.Kind.ALREADY_EXISTS);
    }
  }

  @Test
  void execJoinsTheContainer() throws IOException {
    try (Task task = fixture.create("c", fixture.spec("exec sleep 1000").build())) {
      task.start();
      Path out = fixture.base.resolve("exec-log");
      TaskProcess exec =
          task.exec(
              new ExecSpec(
                  "e",
                  BusyboxBundle.process(
                          "sh", "-c", "hostname; tr '\\0' '\\n' < /proc/1/cmdline; pwd; exit 9")
                      .build(),
                  new TaskIo.Log(out)));
      task.startExec(exec);
      assertThat(exec.await(TaskFixture.LIMIT).orElseThrow().code()).isEqualTo(9);
      assertThat(CriLog.read(out).content()).isEqualTo("boat\nsleep\n1000\n/\n");
      task.deleteExec("e");
      assertThat(task.state()).isEqualTo(Task.State.RUNNING);
    }
  }

  @Test
  void terminalBelongsToTheContainer() throws IOException {
    RuntimeSpec.Builder spec = fixture.spec("");
    spec.process(
        BusyboxBundle.process(
                "sh", "-c", "tty; stty size; echo done >&2; ls -l /dev/console | cut -c1; exit 4")
            .terminal(true)
            .consoleSize(new dev.berth.runtime.spec.ContainerProcess.ConsoleSize(33, 77))
            .build());
    assertThat(fixture.run(spec.build())).isEqualTo("/dev/pts/0\r\n33 77\r\ndone\r\nc\r\nexit 4\n");
  }

  @Test
  void rotatedLogGoesOnInTheNewFileWithoutLoss() throws IOException {
    int lines = 200_000;
    String script = "i=1; while [ $i -le " + lines + " ]; do echo $i; i=$((i+1)); done";
    try (Task task = fixture.create("c", fixture.spec(script).build())) {
      task.start();
      List<Path> files = new ArrayList<>();
      for (int i = 0; i < 5; i++) {
        Await.until(
            "lines come",
            TaskFixture.LIMIT,
            () -> Files.size(fixture.log()) > 10_000 || task.poll().isPresent());
        if (task.poll().isPresent()) {
          break;
        }
        Path rotated = fixture.base.resolve("log.rotated" + i);
        Files.move(fixture.log(), rotated);
        files.add(rotated);
        task.reopenLog(fixture.log());
        assertThat(fixture.log()).exists();
      }
      assertThat(task.await(TaskFixture.LIMIT)).isPresent();
      files.add(fixture.log());
      assertThat(files).as("rotations while it ran").hasSizeGreaterThan(1);
      List<CriLog.Line> logged = CriLog.read(files.toArray(Path[]::new)).lines();
      for (int i = 0; i < Math.min(lines, logged.size()); i++) {
        assertThat(logged.get(i).content()).as("line %d", i).isEqualTo(Integer.toString(i + 1));
      }
      assertThat(logged).hasSize(lines);
    }
  }

  @Test
  void anotherJvmFindsTheTaskAndItsExit() throws IOException {
    String script = "until [ -e /dev/end ]; do sleep 0.05; done; exit 6";
    Task task = fixture.create("c", fixture.spec(script).build());
    task.start();
    task.close();
    try (Task found = fixture.newTasks().adopt("c")) {
      assertThat(found.pid()).isEqualTo(task.pid());
      assertThat(found.state()).isEqualTo(Task.State.RUNNING);
      Files.createFile(Path.of("/proc", Integer.toString(found.pid()), "root/dev/end"));
      assertThat(found.await(TaskFixture.LIMIT).orElseThrow().code()).isEqualTo(6);
    }
    try (Task again = fixture.newTasks().adopt("c")) {
      assertThat(again.state()).isEqualTo(Task.State.STOPPED);
      assertThat(again.exit().orElseThrow().code()).isEqualTo(6);
    }
  }

  @Test
  void createdTaskIsStartedByAnotherJvm() throws IOException {
    fixture.create("c", fixture.spec("echo late").build()).close();
    try (Task found = fixture.newTasks().adopt("c")) {
      found.start();
      assertThat(found.await(TaskFixture.LIMIT)).isPresent();
    }
    assertThat(CriLog.read(fixture.log()).content()).isEqualTo("late\n");
  }
}
