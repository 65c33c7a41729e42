package dev.berth.runtime.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.berth.runtime.kernel.ExitStatus;
import dev.berth.runtime.kernel.Fd;
import dev.berth.runtime.kernel.ProcessTree;
import dev.berth.runtime.kernel.Processes;
import dev.berth.runtime.spec.ContainerProcess;
import dev.berth.runtime.spec.Hooks;
import dev.berth.runtime.spec.RuntimeSpec;
import dev.berth.runtime.spec.SpecJson;
import dev.berth.testing.BusyboxBundle;
import dev.berth.testing.RequiresRoot;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

/**
 * Containers as programs that drive an OCI runtime want them: the process is the caller's child,
 * here this JVM's, who is a subreaper and learns how it ends.
 */
@RequiresRoot
class ReleasedContainerTest {
  private static final String PROPERTY = "berth.init";
  private static final Duration LIMIT = Duration.ofSeconds(10);

  @TempDir private Path base;
  private final String id = "r" + UUID.randomUUID().toString().substring(0, 8);
  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();
  private final List<Fd> children = new ArrayList<>();

  @BeforeEach
  void becomeTheCaller() throws IOException {
    Files.createDirectory(base.resolve("run"));
    Processes.becomeSubreaper();
    String machine = System.getProperty("os.arch").equals("aarch64") ? "arm64" : "amd64";
    Path built =
        Path.of(System.getProperty("berth.root.dir"), "runtime-native/target/native", machine);
    System.setProperty(PROPERTY, built.resolve("berth-init").toString());
  }

  @AfterEach
  void reap() {
    for (Fd child : List.copyOf(children)) {
      Processes.signal(child, 9);
      assertThat(ended(child)).isPresent();
    }
    assertThat(berth("delete", "--force", id)).as(err.toString()).isZero();
    assertThat(base.resolve("run")).isEmptyDirectory();
    System.clearProperty(PROPERTY);
  }

  @Test
  void createdProcessIsTheCallersChildAndItsEndTheCallersToLearn() throws IOException {
    Fd process = create(spec("exit 7"));
    assertThat(status()).isEqualTo("created");

    assertThat(berth("start", id)).as(err.toString()).isZero();

    assertThat(ended(process)).contains(new ExitStatus.Exited(7));
    assertThat(status()).isEqualTo("stopped");
    assertThat(berth("delete", id)).as(err.toString()).isZero();
    assertThat(berth("state", id)).isEqualTo(1);
    assertThat(err.toString()).contains("does not exist");
  }

  @Test
  void nothingOfBerthStaysBesideTheProcess() throws IOException {
    var before = ProcessTree.ownChildren();
    create(spec("exec sleep 1000"));
    assertThat(berth("start", id)).as(err.toString()).isZero();

    List<Integer> made = new ArrayList<>(ProcessTree.ownChildren());
    made.removeAll(before);

    assertThat(made).singleElement().satisfies(pid -> assertThat(command(pid)).contains("1000"));
    assertThat(status()).isEqualTo("running");
    assertThat(base.resolve("run").resolve(id).resolve("plan")).doesNotExist();
  }

  @Test
  void processKilledBeforeItsStartCannotBeStartedAndCanBeDeleted() throws IOException {
    Fd process = create(spec("true"));

    assertThat(berth("kill", id, "KILL")).as(err.toString()).isZero();

    assertThat(ended(process)).contains(new ExitStatus.Signaled(9, false));
    assertThat(status()).isEqualTo("stopped");
    assertThat(berth("start", id)).isEqualTo(1);
    assertThat(err.toString()).contains("cannot start a container that has stopped");
    assertThat(berth("kill", id)).isEqualTo(1);
    assertThat(err.toString()).contains("container not running");
    assertThat(berth("kill", "--all", id)).as(err.toString()).isZero();
    assertThat(berth("delete", id)).as(err.toString()).isZero();
  }

  @Test
  void createdContainerIsDeletedWithItsProcess() throws IOException {
    Fd process = create(spec("true"));
    assertThat(berth("delete", id)).as(err.toString()).isZero();
    assertThat(ended(process)).isPresent();
  }

  @Test
  void secondStartIsRefused() throws IOException {
    create(spec("exec sleep 1000"));
    assertThat(berth("start", id)).isZero();
    assertThat(berth("start", id)).isEqualTo(1);
    assertThat(err.toString()).contains("already started");
  }

  @Test
  void missingProgramIsAlreadyToldByCreate() throws IOException {
    Path bundle = bundle(spec(List.of("nosuch")));

    assertThat(berth("create", "-b", bundle.toString(), id)).isEqualTo(1);

    assertThat(err.toString())
        .contains("process.args[0]: exec \"nosuch\": executable file not found in $PATH");
    assertThat(base.resolve("run")).isEmptyDirectory();
  }

  @Test
  void programThatMayNotBeExecutedIsToldByCreate() throws IOException {
    Path bundle = bundle(spec(List.of("/etc/plain")));
    Files.writeString(bundle.resolve("rootfs/etc/plain"), "text");

    assertThat(berth("create", "-b", bundle.toString(), id)).isEqualTo(1);

    assertThat(err.toString()).contains("process.args[0]", "permission denied");
  }

  @Test
  void startNamesTheFieldOfWhatFailsBehindTheGate() throws IOException {
    Path bundle = bundle(spec(List.of("/bin/broken")));
    Path program = Files.writeString(bundle.resolve("rootfs/bin/broken"), "no program");
    assertThat(program.toFile().setExecutable(true)).isTrue();
    Fd process = create(bundle);

    assertThat(berth("start", id)).isEqualTo(1);

    assertThat(err.toString()).contains("process.args[0]", "/bin/broken", "exec format error");
    assertThat(ended(process)).isPresent();
    assertThat(status()).isEqualTo("stopped");
  }

  @Test
  void failedHookOfTheStartIsNamed() throws IOException {
    Hooks hooks =
        SpecJson.read(
            "hooks",
            "{\"startContainer\": [{\"path\": \"/bin/false\"}]}".getBytes(UTF_8),
            Hooks.class);
    Fd process = create(bundle(spec(List.of("true")).toBuilder().hooks(hooks).build()));

    assertThat(berth("start", id)).isEqualTo(1);

    assertThat(err.toString()).contains("hooks.startContainer[0]: /bin/false exited with 1");
    assertThat(ended(process)).isPresent();
  }

  @Test
  void detachedCommandIsTheCallersChild() throws IOException {
    create(spec("exec sleep 1000"));
    assertThat(berth("start", id)).isZero();
    Path pidFile = base.resolve("exec.pid");

    assertThat(berth("exec", "-d", "--pid-file", pidFile.toString(), id, "sh", "-c", "exit 9"))
        .as(err.toString())
        .isZero();

    assertThat(ended(child(pidFile))).contains(new ExitStatus.Exited(9));
  }

  @Test
  void failedDetachedCommandLeavesNothing() throws IOException {
    create(spec("exec sleep 1000"));
    assertThat(berth("start", id)).isZero();
    var before = ProcessTree.ownChildren();
    Path pidFile = base.resolve("exec.pid");

    assertThat(berth("exec", "-d", "--pid-file", pidFile.toString(), id, "nosuch")).isEqualTo(255);

    assertThat(err.toString()).contains("exec \"nosuch\": executable file not found in $PATH");
    assertThat(pidFile).doesNotExist();
    assertThat(ProcessTree.ownChildren()).isEqualTo(before);
  }

  @Test
  void execChangesWhatItsOptionsSay() throws IOException {
    create(spec("exec sleep 1000"));
    assertThat(berth("start", id)).isZero();
    String check =
        "test $(id -u):$(id -g) = 7:8 && id -G | grep -qw 99 && test $PWD = /tmp && test $A = b"
            + " && grep -q 'CapBnd:.0*10e1$' /proc/self/status";

    assertThat(
            berth(
                "exec",
                "-u",
                "7:8",
                "-g",
                "99",
                "--cwd",
                "/tmp",
                "-e",
                "A=b",
                "--cap",
                "CAP_NET_ADMIN",
                "--no-new-privs",
                id,
                "sh",
                "-c",
                check))
        .as(err.toString())
        .isZero();
  }

  @Test
  void pausedContainerTakesNoCommand() throws IOException {
    create(spec("exec sleep 1000"));
    assertThat(berth("start", id)).isZero();
    assertThat(berth("pause", id)).as(err.toString()).isZero();
    try {
      assertThat(berth("exec", id, "true")).isEqualTo(255);
      assertThat(err.toString()).contains("it is paused");
    } finally {
      assertThat(berth("resume", id)).isZero();
    }
  }

  @Test
  void rootIsLeftBehindWithoutPivotToo() throws IOException {
    Path bundle = bundle(spec("test ! -e /proc/1/root/work && test -d /proc/1 && exit 5"));
    Fd process = create(bundle, "--no-pivot", "--no-new-keyring");
    assertThat(berth("start", id)).as(err.toString()).isZero();
    assertThat(ended(process)).contains(new ExitStatus.Exited(5));
  }

  @Test
  void realDumpLeavesTheContainerRunning() throws Exception {
    String criu = Objects.requireNonNullElse(System.getProperty("berth.criu"), "criu");
    assumeTrue(
        new ProcessBuilder("sh", "-c", criu + " check >/dev/null 2>&1").start().waitFor() == 0,
        "needs a CRIU that works on this kernel");
    create(spec("exec sleep 1000 </dev/null >/dev/null 2>&1"));
    assertThat(berth("start", id)).isZero();
    Path images = base.resolve("images");

    assertThat(berth("checkpoint", "--leave-running", "--image-path", images.toString(), id))
        .as(err.toString())
        .isZero();

    assertThat(images.resolve("pstree.img")).isRegularFile();
    assertThat(status()).isEqualTo("running");
  }

  @Test
  void terminalNeedsSomebodyWhoGetsIt() throws IOException {
    RuntimeSpec spec = spec("true");
    ContainerProcess process = spec.process();
    assertThat(process).isNotNull();
    Path bundle =
        bundle(spec.toBuilder().process(process.toBuilder().terminal(true).build()).build());

    assertThat(berth("create", "-b", bundle.toString(), id)).isEqualTo(1);

    assertThat(err.toString()).contains("process.terminal", "console socket");
  }

  @Test
  void descriptorThatIsNotThereCannotBePreserved() throws IOException {
    Path bundle = bundle(spec("true"));

    assertThat(berth("create", "--preserve-fds", "33", "-b", bundle.toString(), id)).isEqualTo(1);

    assertThat(err.toString()).contains("33 is not between 0 and 32");
  }

  private Fd create(RuntimeSpec spec) throws IOException {
    return create(bundle(spec));
  }

  private Fd create(Path bundle, String... options) throws IOException {
    Path pidFile = base.resolve("pid");
    List<String> command = new ArrayList<>(List.of("create", "--pid-file", pidFile.toString()));
    command.addAll(List.of(options));
    command.addAll(List.of("-b", bundle.toString(), id));
    assertThat(berth(command.toArray(String[]::new))).as(err.toString()).isZero();
    return child(pidFile);
  }

  private Fd child(Path pidFile) throws IOException {
    int pid = Integer.parseInt(Files.readString(pidFile));
    assertThat(ProcessTree.ownChildren()).contains(pid);
    Fd child = Processes.open(pid).orElseThrow();
    children.add(child);
    return child;
  }

  private Optional<ExitStatus> ended(Fd child) {
    children.remove(child);
    try (child) {
      return Processes.waitFor(child, LIMIT);
    }
  }

  private static String command(int pid) {
    return ProcessHandle.of(pid).flatMap(process -> process.info().commandLine()).orElse("");
  }

  private RuntimeSpec spec(String script) {
    return spec(List.of("sh", "-c", script));
  }

  private RuntimeSpec spec(List<String> arguments) {
    return BusyboxBundle.spec(base.resolve("bundle/rootfs"), "")
        .process(BusyboxBundle.process(arguments.toArray(String[]::new)).build())
        .linux(BusyboxBundle.linux().cgroupsPath("/berth-cli-" + id).build())
        .build();
  }

  private Path bundle(RuntimeSpec spec) throws IOException {
    Path bundle = Files.createDirectories(base.resolve("bundle"));
    BusyboxBundle.makeRootfs(bundle.resolve("rootfs"));
    Files.write(bundle.resolve("config.json"), spec.toJson());
    return bundle;
  }

  private String status() {
    assertThat(berth("state", id)).as(err.toString()).isZero();
    JsonObject state = JsonParser.parseString(out.toString()).getAsJsonObject();
    return state.get("status").getAsString();
  }

  /** Runs one command; what it printed is in {@link #out} and {@link #err}. */
  private int berth(String... arguments) {
    out.getBuffer().setLength(0);
    err.getBuffer().setLength(0);
    List<String> all = new ArrayList<>(List.of("--root", base.resolve("run").toString()));
    all.addAll(List.of(arguments));
    CommandLine command =
        RuntimeCli.commandLine()
            .setOut(new PrintWriter(out, true))
            .setErr(new PrintWriter(err, true));
    return command.execute(all.toArray(String[]::new));
  }
}
