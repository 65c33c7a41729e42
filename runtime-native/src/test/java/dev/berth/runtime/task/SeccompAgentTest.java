package dev.berth.runtime.task;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.berth.base.Operation;
import dev.berth.runtime.kernel.DecidingAgent;
import dev.berth.runtime.kernel.ExitStatus;
import dev.berth.runtime.kernel.Fd;
import dev.berth.runtime.kernel.ProcessTree;
import dev.berth.runtime.kernel.Processes;
import dev.berth.runtime.kernel.SyscallTable;
import dev.berth.runtime.spec.Hooks;
import dev.berth.runtime.spec.IdMapping;
import dev.berth.runtime.spec.Linux;
import dev.berth.runtime.spec.Namespace;
import dev.berth.runtime.spec.RuntimeSpec;
import dev.berth.runtime.spec.Seccomp;
import dev.berth.testing.BusyboxBundle;
import dev.berth.testing.RequiresRoot;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** An agent decides on calls of containers, among them those between the filter and the program. */
@RequiresRoot
class SeccompAgentTest {
  private static final int SIGKILL = 9;
  private static final List<String> MAKING = List.of("mkdir", "mkdirat");

  /** What a process does once it has the filter, and what others would send a listener with. */
  private static final List<String> ON_THE_WAY =
      List.of("execve", "capset", "prctl", "write", "sendmsg", "close");

  private static final String SCRIPT = "exec 2>&1; mkdir /x; echo $?";
  private static final String REFUSED =
      "mkdir: can't create directory '/x': No space left on device\n1\n";

  private TaskFixture fixture;
  private DecidingAgent agent;

  @BeforeEach
  void open() throws IOException {
    fixture = new TaskFixture();
    agent = new DecidingAgent(path(), MAKING);
  }

  @AfterEach
  void close() throws IOException {
    agent.close();
    fixture.close();
  }

  private Path path() {
    return fixture.base.resolve("agent");
  }

  private static Linux.Builder linux(Path listener) {
    List<String> names = new ArrayList<>(MAKING);
    names.addAll(ON_THE_WAY);
    return linux(listener, names);
  }

  private static Linux.Builder linux(Path listener, List<String> asked) {
    List<String> names = new ArrayList<>(asked);
    names.removeIf(name -> SyscallTable.host().find(name).isEmpty());
    Seccomp.Rule rule = new Seccomp.Rule(names, "SCMP_ACT_NOTIFY", null, List.of());
    Seccomp profile =
        new Seccomp(
            "SCMP_ACT_ALLOW",
            null,
            List.of(),
            List.of(),
            listener.toString(),
            "the metadata",
            List.of(rule));
    return BusyboxBundle.linux().seccomp(profile);
  }

  private RuntimeSpec.Builder spec(String script, boolean noNewPrivileges) {
    return fixture
        .spec("")
        .process(BusyboxBundle.process("sh", "-c", script).noNewPrivileges(noNewPrivileges).build())
        .linux(linux(path()).build());
  }

  private JsonObject message(int index) {
    return JsonParser.parseString(agent.messages().get(index)).getAsJsonObject();
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void agentIsToldOfTheProcessAndDecides(boolean noNewPrivileges) throws IOException {
    try (Task task = fixture.create("c", spec(SCRIPT, noNewPrivileges).build())) {
      task.start();
      assertThat(task.await(TaskFixture.LIMIT).orElseThrow().code()).isZero();
      assertThat(message(0).get("pid").getAsInt()).isEqualTo(task.pid());
      task.delete();
    }
    assertThat(CriLog.read(fixture.log()).content()).isEqualTo(REFUSED);
    assertThat(agent.messages()).hasSize(1);
    assertThat(message(0).getAsJsonArray("fds")).hasToString("[\"seccompFd\"]");
    assertThat(message(0).get("metadata").getAsString()).isEqualTo("the metadata");
    assertThat(message(0).getAsJsonObject("state").get("id").getAsString()).isEqualTo("c");
    assertThat(message(0).getAsJsonObject("state").get("status").getAsString())
        .isEqualTo("created");
    assertThat(agent.decided()).contains(number("execve"));
    if (!noNewPrivileges) { // else the filter is the last before the program
      assertThat(agent.decided()).contains(number("capset"));
    }
  }

  @Test
  void containerInAUserNamespaceHasAnAgent() throws IOException {
    List<Namespace> namespaces = new ArrayList<>(BusyboxBundle.linux().build().namespaces());
    namespaces.add(Namespace.fresh("user"));
    List<IdMapping> map = List.of(new IdMapping(0, 100_000, 65_536));
    Linux linux = linux(path()).namespaces(namespaces).uidMappings(map).gidMappings(map).build();
    assertThat(fixture.run(spec(SCRIPT, false).linux(linux).build()))
        .isEqualTo(REFUSED + "exit 0\n");
  }

  @Test
  void execsHaveListenersOfTheirOwn() throws IOException {
    try (Task task = fixture.create("c", spec("exec sleep 1000", false).build())) {
      task.start();
      Path out = fixture.base.resolve("exec-log");
      var process = BusyboxBundle.process("sh", "-c", SCRIPT).build();
      TaskProcess exec = task.exec(new ExecSpec("e", process, new TaskIo.Log(out)));
      task.startExec(exec);
      assertThat(exec.await(TaskFixture.LIMIT).orElseThrow().code()).isZero();
      assertThat(CriLog.read(out).content()).isEqualTo(REFUSED);
      assertThat(message(1).get("pid").getAsInt()).isEqualTo(exec.pid());
      JsonObject state = message(1).getAsJsonObject("state");
      assertThat(state.get("status").getAsString()).isEqualTo("running");
      assertThat(state.get("pid").getAsInt()).isEqualTo(task.pid());
      task.kill(SIGKILL, true);
      task.await(TaskFixture.LIMIT);
      task.delete();
    }
  }

  @Test
  void commandsThatLeaveNoRecordHaveListenersToo() throws IOException {
    try (Task task = fixture.create("c", spec("exec sleep 1000", false).build())) {
      task.start();
      var process = BusyboxBundle.process("sh", "-c", "exec 2>&-; mkdir /x; exit $((40 + $?))");
      var piped = new ExecSpec("e", process.build(), new TaskIo.Pipes(null, null, null));
      try (Command command = task.startCommand(piped, Operation.internal("exec"))) {
        assertThat(command.await(TaskFixture.LIMIT).orElseThrow().code()).isEqualTo(41);
        assertThat(message(1).get("pid").getAsInt()).isEqualTo(command.pid());
      }
      int pid = task.execReleased(new ExecSpec("f", process.build(), new TaskIo.Released(null)));
      assertThat(message(2).get("pid").getAsInt()).isEqualTo(pid);
      try (Fd child = Processes.open(pid).orElseThrow()) {
        assertThat(Processes.waitFor(child, TaskFixture.LIMIT)).contains(new ExitStatus.Exited(41));
      }
      task.kill(SIGKILL, true);
      task.await(TaskFixture.LIMIT);
      task.delete();
    }
  }

  @Test
  void execThatTheAgentCannotBeToldOfIsKilled() throws IOException {
    Linux linux = linux(path(), MAKING).build(); // nothing that the container does without it
    RuntimeSpec spec = spec("exec sleep 1000", false).linux(linux).build();
    try (Task task = fixture.create("c", spec)) {
      task.start();
      agent.close();
      var process = BusyboxBundle.process("true").build();
      var piped = new ExecSpec("e", process, new TaskIo.Pipes(null, null, null));
      assertThatThrownBy(() -> task.startCommand(piped, Operation.internal("exec")))
          .hasMessageStartingWith("linux.seccomp.listenerPath: connect");
      task.kill(SIGKILL, true);
      task.await(TaskFixture.LIMIT);
      task.delete();
    }
  }

  @Test
  void anotherJvmStartsTheContainer() throws IOException {
    fixture.create("c", spec(SCRIPT, false).build()).close();
    try (Task found = fixture.newTasks().adopt("c")) {
      found.start();
      assertThat(found.await(TaskFixture.LIMIT)).isPresent();
    }
    assertThat(CriLog.read(fixture.log()).content()).isEqualTo(REFUSED);
  }

  @Test
  void containerWithoutAStubIsStartedWithItsListener() throws IOException {
    String script = "mkdir /x; exit $((40 + $?))";
    RuntimeSpec spec = spec("exec > /dev/null 2>&1; " + script, false).build();
    try (Task task = fixture.create("c", spec, new TaskIo.Released(null))) {
      task.start();
      assertThat(task.await(TaskFixture.LIMIT)).isPresent();
      assertThat(message(0).get("pid").getAsInt()).isEqualTo(task.pid());
      assertThat(ProcessTree.ownChildren()).contains(task.pid()); // which this JVM reaps
      task.delete();
    }
    assertThat(agent.decided()).contains(making());
  }

  private static String making() {
    return number(SyscallTable.host().find("mkdir").isPresent() ? "mkdir" : "mkdirat");
  }

  private static String number(String call) {
    return Integer.toString(SyscallTable.host().number(call));
  }

  @Test
  void withoutAnAgentNothingIsStarted() throws IOException {
    RuntimeSpec spec =
        spec("echo ran", false).linux(linux(fixture.base.resolve("nobody")).build()).build();
    try (Task task = fixture.create("c", spec)) {
      assertThatThrownBy(task::start)
          .hasMessageStartingWith("linux.seccomp.listenerPath: connect")
          .hasMessageContaining("ENOENT");
      assertThat(task.await(TaskFixture.LIMIT).orElseThrow().code()).isEqualTo(128 + SIGKILL);
      task.delete();
    }
  }

  @Test
  void hooksOfTheContainerDoWithoutTheAgent() throws IOException {
    Hooks.Hook hook = new Hooks.Hook("/bin/mkdir", List.of("mkdir", "/y"), List.of(), null);
    Hooks hooks = new Hooks(List.of(), List.of(), List.of(), List.of(hook), List.of(), List.of());
    Linux linux = linux(path(), MAKING).build();
    RuntimeSpec spec = spec(SCRIPT, false).linux(linux).hooks(hooks).build();
    try (Task task = fixture.create("c", spec)) {
      assertThatThrownBy(task::start).hasMessageContaining("hooks.startContainer[0]");
      task.await(TaskFixture.LIMIT);
      task.delete();
    }
    assertThat(agent.messages()).isEmpty();
  }

  @Test
  void profileThatNotifiesNobodyNeedsNoAgent() throws IOException {
    Seccomp silent =
        new Seccomp("SCMP_ACT_ALLOW", null, List.of(), List.of(), "/no/such/agent", "x", List.of());
    Linux linux = BusyboxBundle.linux().seccomp(silent).build();
    assertThat(fixture.run(fixture.spec("echo ran").linux(linux).build()))
        .isEqualTo("ran\nexit 0\n");
  }
}
