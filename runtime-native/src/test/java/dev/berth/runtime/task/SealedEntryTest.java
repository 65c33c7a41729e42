package dev.berth.runtime.task;

import static org.assertj.core.api.Assertions.assertThat;

import dev.berth.runtime.spec.Capabilities;
import dev.berth.runtime.spec.IdMapping;
import dev.berth.runtime.spec.Linux;
import dev.berth.runtime.spec.Mount;
import dev.berth.runtime.spec.Namespace;
import dev.berth.runtime.spec.RuntimeSpec;
import dev.berth.testing.Await;
import dev.berth.testing.BusyboxBundle;
import dev.berth.testing.RequiresRoot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * Rule R1: what first runs in a container is a sealed copy of berth-init, through which nothing of
 * the host can be written (CVE-2019-5736, CVE-2016-9962).
 */
@RequiresRoot
class SealedEntryTest {
  private static final List<String> ALL = HostCapabilities.names();

  private TaskFixture fixture;
  private byte[] onDisk;

  @BeforeEach
  void open() throws IOException {
    fixture = new TaskFixture();
    onDisk = Files.readAllBytes(TaskFixture.berthInit());
  }

  @AfterEach
  void close() throws IOException {
    assertThat(Arrays.equals(Files.readAllBytes(TaskFixture.berthInit()), onDisk))
        .as("berth-init on disk is unchanged")
        .isTrue();
    fixture.close();
  }

  /** With the host's PID namespace and every capability the stub itself is within reach. */
  @Test
  void mightiestContainerCannotWriteToItsStub() throws IOException {
    try (Task victim = fixture.create("victim", sleeper().build())) {
      victim.start();
      int stub = parentOf(victim.pid());
      byte[] running = Files.readAllBytes(Path.of("/proc/" + stub + "/exe"));
      String script =
          """
          exec 2>&1
          cd /proc/$STUB || exit 9
          echo x > exe
          echo x >> exe
          for f in fd/*; do case $(readlink $f) in *memfd:berth-init*) echo x >> $f;; esac; done
          exec 5< exe
          echo x >> /proc/self/fd/5
          true
          """;
      String output = fixture.run(mighty(script, stub).build());
      assertThat(output.lines().filter(line -> line.startsWith("sh:")))
          .hasSizeGreaterThanOrEqualTo(3)
          .allSatisfy(line ->
              assertThat(line)
                  .matches(".*(Text file busy|Permission denied|Operation not permitted).*"));
      assertThat(output).endsWith("exit 0\n");
      assertThat(Files.readAllBytes(Path.of("/proc/" + stub + "/exe"))).isEqualTo(running);
      assertThat(running).isEqualTo(onDisk);
    }
  }

  /** The way of CVE-2019-5736: keep the image open, wait until nothing executes it, then write. */
  @Test
  void imageKeptOpenCannotBeWrittenAfterItsProcessEnded() throws IOException {
    Path volume = Files.createDirectory(fixture.base.resolve("volume"));
    Task victim = fixture.create("victim", sleeper().build());
    victim.start();
    int stub = parentOf(victim.pid());
    String script =
        """
        exec 5< /proc/$STUB/exe
        touch /volume/open
        until test -e /volume/ended; do :; done
        echo x > /proc/self/fd/5 || echo no
        echo x >> /proc/self/fd/5 || echo no
        """;
    List<Mount> mounts = new ArrayList<>(BusyboxBundle.mounts());
    mounts.add(new Mount("/volume", "bind", volume.toString(), List.of("bind")));
    try (Task attacker = fixture.create("attacker", mighty(script, stub).mounts(mounts).build())) {
      attacker.start();
      Await.until(
          "the image is open", TaskFixture.LIMIT, () -> Files.exists(volume.resolve("open")));
      victim.kill(9, false);
      victim.await(TaskFixture.LIMIT);
      victim.delete();
      Files.createFile(volume.resolve("ended"));
      assertThat(attacker.await(TaskFixture.LIMIT)).isPresent();
    }
    assertThat(CriLog.read(fixture.log()).content().lines().filter(line -> line.equals("no")))
        .hasSize(2);
    Files.delete(fixture.log());
    assertThat(fixture.run(fixture.spec("echo next").build())).isEqualTo("next\nexit 0\n");
  }

  @Test
  void containerCannotWriteToWhatItSees() throws IOException {
    String script =
        """
        exec 2>&1
        sleep 1000 &
        for p in /proc/[0-9]*; do echo x > $p/exe; done
        for p in /proc/[0-9]*; do cat $p/comm; done
        """;
    String output = fixture.run(fixture.spec(script).build());
    assertThat(output.lines().filter(line -> line.contains("Text file busy")).count())
        .isGreaterThanOrEqualTo(2);
    assertThat(output).doesNotContain("berth-init");
  }

  /** An entrypoint of this name executes what executes it: the sealed copy, which does nothing. */
  @Test
  void programThatIsProcSelfExeIsTheHarmlessCopy() throws IOException {
    RuntimeSpec spec =
        fixture.spec("").process(BusyboxBundle.process("/proc/self/exe").build()).build();
    assertThat(fixture.run(spec)).startsWith("usage: berth-init").endsWith("exit 2\n");
  }

  /** Until the exec /proc/PID belongs to the host's root: no one inside may trace or look. */
  @Test
  void processIsOutOfReachUntilItsProgramRuns() throws IOException {
    IdMapping map = new IdMapping(0, 100_000, 65_536);
    List<Namespace> namespaces = new ArrayList<>(BusyboxBundle.linux().build().namespaces());
    namespaces.add(Namespace.fresh("user"));
    Linux linux =
        BusyboxBundle.linux()
            .namespaces(namespaces)
            .uidMappings(List.of(map))
            .gidMappings(List.of(map))
            .build();
    try (Task task = fixture.create("c", sleeper().linux(linux).build())) {
      Path environment = Path.of("/proc", Integer.toString(task.pid()), "environ");
      assertThat(Files.getAttribute(environment, "unix:uid")).isEqualTo(0);
      task.start();
      assertThat(Files.getAttribute(environment, "unix:uid")).isEqualTo(100_000);
    }
  }

  /** A container in the pod's user and PID namespaces looks for the next one while it is made. */
  @Test
  void siblingInTheSameNamespacesCannotTraceOneBeingMade() throws IOException {
    Linux podLinux = userNamespaced(Namespace.fresh("user"), Namespace.fresh("pid"));
    String watch =
        """
        echo ready
        while :; do
          for p in /proc/[0-9]*; do
            case $(readlink $p/exe 2>/dev/null) in *berth-init*) echo reached $p;; esac
          done
        done
        """;
    RuntimeSpec.Builder first =
        fixture
            .spec("")
            .hostname(null)
            .process(withAllCapabilities("sh", "-c", watch).build())
            .linux(podLinux);
    try (Task pod = fixture.create("pod", first.build())) {
      pod.start();
      Await.until(
          "it watches",
          TaskFixture.LIMIT,
          () -> CriLog.read(fixture.log()).content().contains("ready"));
      Linux sibling =
          userNamespaced(
              Namespace.join("user", "/proc/" + pod.pid() + "/ns/user"),
              Namespace.join("pid", "/proc/" + pod.pid() + "/ns/pid"));
      for (int i = 0; i < 10; i++) {
        RuntimeSpec spec = fixture.spec("exit 3").hostname(null).linux(sibling).build();
        TaskIo io = new TaskIo.Log(fixture.base.resolve("sibling"));
        try (Task task = fixture.create("sibling", spec, io)) {
          task.start();
          assertThat(task.await(TaskFixture.LIMIT).orElseThrow().code()).isEqualTo(3);
          task.delete();
        }
      }
      assertThat(CriLog.read(fixture.log()).content()).doesNotContain("reached");
    }
  }

  private RuntimeSpec.Builder sleeper() {
    return fixture.spec("exec sleep 1000");
  }

  /** Root of the host in all but the mount namespace. */
  private RuntimeSpec.Builder mighty(String script, int stub) {
    return fixture
        .spec("")
        .hostname(null)
        .process(
            withAllCapabilities("sh", "-c", script)
                .env(List.of("PATH=/bin", "STUB=" + stub))
                .build())
        .linux(Linux.builder().namespaces(List.of(Namespace.fresh("mount"))).build());
  }

  private static dev.berth.runtime.spec.ContainerProcess.Builder withAllCapabilities(
      String... args) {
    return BusyboxBundle.process(args)
        .capabilities(new Capabilities(ALL, ALL, List.of(), ALL, List.of()));
  }

  private static Linux userNamespaced(Namespace user, Namespace pid) {
    IdMapping map = new IdMapping(0, 100_000, 65_536);
    return Linux.builder()
        .namespaces(List.of(user, pid, Namespace.fresh("mount"), Namespace.fresh("network")))
        .uidMappings(List.of(map))
        .gidMappings(List.of(map))
        .build();
  }

  static int parentOf(int pid) throws IOException {
    return Integer.parseInt(ProcessStatus.of(pid).get("PPid"));
  }
}
