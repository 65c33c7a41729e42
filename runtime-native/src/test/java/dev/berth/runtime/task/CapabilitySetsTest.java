package dev.berth.runtime.task;

import static org.assertj.core.api.Assertions.assertThat;

import dev.berth.runtime.spec.Capabilities;
import dev.berth.runtime.spec.CapabilityNames;
import dev.berth.runtime.spec.ContainerProcess;
import dev.berth.runtime.spec.Seccomp;
import dev.berth.runtime.spec.User;
import dev.berth.testing.BusyboxBundle;
import dev.berth.testing.RequiresRoot;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Rule R5: the inheritable set is empty and the ambient set what was asked for; no process has more
 * than its spec says (CVE-2022-29162, CVE-2022-24769). What the kernel says of the first process
 * and of one executed beside it, for every kind of input.
 */
@RequiresRoot
class CapabilitySetsTest {
  private static final List<String> NONE = List.of();

  /** What Kubernetes gives an ordinary container. */
  private static final List<String> ORDINARY =
      List.of(
          "CAP_CHOWN",
          "CAP_DAC_OVERRIDE",
          "CAP_FSETID",
          "CAP_FOWNER",
          "CAP_MKNOD",
          "CAP_NET_RAW",
          "CAP_SETGID",
          "CAP_SETUID",
          "CAP_SETFCAP",
          "CAP_SETPCAP",
          "CAP_NET_BIND_SERVICE",
          "CAP_SYS_CHROOT",
          "CAP_KILL",
          "CAP_AUDIT_WRITE");

  private static final List<String> ONE = List.of("CAP_NET_BIND_SERVICE");
  private static final User ROOT = new User(0, 0);
  private static final User OTHER = new User(1000, 1000, null, List.of(2000L));

  private TaskFixture fixture;

  @BeforeEach
  void open() throws IOException {
    fixture = new TaskFixture();
  }

  @AfterEach
  void close() throws IOException {
    fixture.close();
  }

  /** The sets after the exec, in the order of /proc/PID/status. */
  record Expected(
      List<String> inheritable,
      List<String> permitted,
      List<String> effective,
      List<String> bounding,
      List<String> ambient) {
    Map<String, Long> lines() {
      Map<String, Long> lines = new LinkedHashMap<>();
      lines.put("CapInh", bits(inheritable));
      lines.put("CapPrm", bits(permitted));
      lines.put("CapEff", bits(effective));
      lines.put("CapBnd", bits(bounding));
      lines.put("CapAmb", bits(ambient));
      return lines;
    }
  }

  /** capabilities(7): root gains what is bounding or inheritable, others what is ambient. */
  static Stream<Arguments> inputs() {
    List<String> all = HostCapabilities.names();
    return Stream.of(
        Arguments.of("ordinary root", ROOT, sets(ORDINARY, NONE), after(ORDINARY, ORDINARY)),
        Arguments.of("ordinary user", OTHER, sets(ORDINARY, NONE), after(ORDINARY, NONE)),
        Arguments.of("no capability", ROOT, Capabilities.NONE, after(NONE, NONE)),
        Arguments.of("silent spec", ROOT, null, after(NONE, NONE)),
        Arguments.of("silent spec, user", OTHER, null, after(NONE, NONE)),
        Arguments.of("privileged root", ROOT, sets(all, NONE), after(all, all)),
        Arguments.of("privileged user", OTHER, sets(all, NONE), after(all, NONE)),
        Arguments.of("ambient user", OTHER, sets(ONE, ONE), new Expected(ONE, ONE, ONE, ONE, ONE)),
        Arguments.of("ambient root", ROOT, sets(ONE, ONE), new Expected(ONE, ONE, ONE, ONE, ONE)),
        Arguments.of(
            "inheritable as asked",
            ROOT,
            new Capabilities(ORDINARY, ORDINARY, ONE, ORDINARY, NONE),
            new Expected(ONE, ORDINARY, ORDINARY, ORDINARY, NONE)),
        Arguments.of(
            "bounding wider than permitted",
            OTHER,
            new Capabilities(ORDINARY, NONE, NONE, NONE, NONE),
            after(ORDINARY, NONE)));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("inputs")
  void processHasTheSetsItsSpecSays(String name, User user, Capabilities given, Expected expected)
      throws IOException {
    for (boolean noNewPrivileges : List.of(false, true)) {
      for (Seccomp filter : filters()) {
        ContainerProcess process =
            BusyboxBundle.process("sleep", "1000")
                .user(user)
                .capabilities(given)
                .noNewPrivileges(noNewPrivileges)
                .build();
        var linux = BusyboxBundle.linux().seccomp(filter).build();
        var spec = fixture.spec("").process(process).linux(linux).build();
        try (Task task = fixture.create("c", spec)) {
          task.start();
          assertThat(status(task.pid())).as("first process").isEqualTo(expected.lines());
          assertThat(execStatus(task, process)).as("exec").isEqualTo(expected.lines());
          task.kill(9, false);
          task.await(TaskFixture.LIMIT);
          task.delete();
        }
      }
    }
  }

  /** A filter that needs CAP_SYS_ADMIN to be loaded must not leave it behind, and no filter. */
  private static Seccomp[] filters() {
    return new Seccomp[] {
      null,
      RuntimeSpecs.seccomp(
          """
          {"defaultAction":"SCMP_ACT_ALLOW","syscalls":[
            {"names":["reboot"],"action":"SCMP_ACT_ERRNO"}]}\
          """)
    };
  }

  /** An exec has its own sets, not those of the container's first process. */
  @Test
  void execOfAPrivilegedContainerIsNotPrivileged() throws IOException {
    ContainerProcess privileged =
        BusyboxBundle.process("sleep", "1000")
            .capabilities(sets(HostCapabilities.names(), NONE))
            .build();
    try (Task task = fixture.create("c", fixture.spec("").process(privileged).build())) {
      task.start();
      ContainerProcess process =
          BusyboxBundle.process("sleep", "1000").user(OTHER).capabilities(null).build();
      assertThat(execStatus(task, process)).isEqualTo(after(NONE, NONE).lines());
    }
  }

  @Test
  void capabilitiesOfAUserNamespaceAreThoseOfTheSpec() throws IOException {
    var map = new dev.berth.runtime.spec.IdMapping(0, 100_000, 65_536);
    var namespaces = new java.util.ArrayList<>(BusyboxBundle.linux().build().namespaces());
    namespaces.add(dev.berth.runtime.spec.Namespace.fresh("user"));
    var linux =
        BusyboxBundle.linux()
            .namespaces(namespaces)
            .uidMappings(List.of(map))
            .gidMappings(List.of(map))
            .build();
    ContainerProcess process =
        BusyboxBundle.process("sleep", "1000").capabilities(sets(ORDINARY, NONE)).build();
    try (Task task = fixture.create("c", fixture.spec("").process(process).linux(linux).build())) {
      task.start();
      assertThat(status(task.pid())).isEqualTo(after(ORDINARY, ORDINARY).lines());
      assertThat(execStatus(task, process)).isEqualTo(after(ORDINARY, ORDINARY).lines());
    }
  }

  private Map<String, Long> execStatus(Task task, ContainerProcess process) throws IOException {
    TaskProcess exec =
        task.exec(new ExecSpec("e", process, new TaskIo.Log(fixture.base.resolve("exec.log"))));
    try {
      task.startExec(exec);
      return status(exec.pid());
    } finally {
      exec.signal(9);
      exec.await(TaskFixture.LIMIT);
      task.deleteExec("e");
    }
  }

  private static Map<String, Long> status(int pid) throws IOException {
    return ProcessStatus.of(pid).entrySet().stream()
        .filter(line -> line.getKey().startsWith("Cap"))
        .collect(
            Collectors.toMap(
                Map.Entry::getKey,
                line -> Long.parseUnsignedLong(line.getValue(), 16),
                (a, b) -> a,
                LinkedHashMap::new));
  }

  private static Capabilities sets(List<String> names, List<String> ambient) {
    return new Capabilities(names, names, ambient, names, ambient);
  }

  private static Expected after(List<String> bounding, List<String> permitted) {
    return new Expected(NONE, permitted, permitted, bounding, NONE);
  }

  private static long bits(List<String> names) {
    return names.stream()
        .mapToLong(name -> 1L << CapabilityNames.number(name).orElseThrow())
        .reduce(0, (a, b) -> a | b);
  }
}
