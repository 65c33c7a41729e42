package dev.berth.sandbox.nri;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.TextFormat;
import com.google.protobuf.TextFormat.ParseException;
import dev.berth.base.BerthException;
import dev.berth.proto.nri.Container;
import dev.berth.proto.nri.ContainerAdjustment;
import dev.berth.runtime.spec.Device;
import dev.berth.runtime.spec.Linux;
import dev.berth.runtime.spec.Mount;
import dev.berth.runtime.spec.Resources;
import dev.berth.runtime.spec.RuntimeSpec;
import java.util.List;
import org.junit.jupiter.api.Test;

class SpecAdjustmentTest {
  private static final RuntimeSpec SPEC =
      RuntimeSpec.parse(
          """
          {
            "ociVersion": "1.3.0",
            "process": {"args": ["sleep", "1"], "env": ["PATH=/bin", "A=1"], "cwd": "/",
              "rlimits": [{"type": "RLIMIT_NOFILE", "hard": 10, "soft": 10}]},
            "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"},
              {"destination": "/data/deep", "type": "bind", "source": "/srv"}],
            "annotations": {"one": "1", "two": "2"},
            "linux": {"cgroupsPath": "/berth/c", "sysctl": {"net.a": "1"},
              "namespaces": [{"type": "pid"}, {"type": "network", "path": "/run/net"}],
              "devices": [{"path": "/dev/a", "type": "c", "major": 1, "minor": 2}],
              "resources": {"memory": {"limit": 100, "swap": 100}, "cpu": {"shares": 5}}}
          }
          """
              .getBytes(UTF_8));

  private static RuntimeSpec apply(String adjustment) throws ParseException {
    return SpecAdjustment.apply(SPEC, TextFormat.parse(adjustment, ContainerAdjustment.class));
  }

  private static Linux linux(RuntimeSpec spec) {
    return requireNonNull(spec.linux());
  }

  @Test
  void noAdjustmentLeavesTheSpecAsItIs() throws ParseException {
    assertThat(apply("")).isSameAs(SPEC);
  }

  @Test
  void annotationsAreSetAndRemoved() throws ParseException {
    RuntimeSpec spec =
        apply(
            """
            annotations { key: "-one" value: "" } annotations { key: "three" value: "3" }
            """);

    assertThat(spec.annotations()).containsOnlyKeys("two", "three");
  }

  @Test
  void variableIsReplacedInItsPlaceRemovedOrAdded() throws ParseException {
    RuntimeSpec spec =
        apply(
            """
            env { key: "PATH" value: "/sbin" } env { key: "-A" } env { key: "B" value: "=2" }
            """);

    assertThat(requireNonNull(spec.process()).env()).containsExactly("PATH=/sbin", "B==2");
  }

  @Test
  void argumentsAndLimitsOfTheProcessAreReplaced() throws ParseException {
    RuntimeSpec spec =
        apply(
            """
            args: "top" rlimits { type: "RLIMIT_NOFILE" hard: 20 soft: 15 }
            linux { oom_score_adj { value: 77 } io_priority { class: IOPRIO_CLASS_BE priority: 3 }
              scheduler { policy: SCHED_BATCH nice: 4 } }
            """);

    var process = requireNonNull(spec.process());
    assertThat(process.args()).containsExactly("top");
    assertThat(process.rlimits()).singleElement().extracting("soft").isEqualTo(15L);
    assertThat(process.oomScoreAdj()).isEqualTo(77);
    assertThat(requireNonNull(process.ioPriority()).priorityClass()).isEqualTo("IOPRIO_CLASS_BE");
    assertThat(requireNonNull(process.scheduler()).policy()).isEqualTo("SCHED_BATCH");
  }

  @Test
  void mountsAreRemovedReplacedAndPutInOrder() throws ParseException {
    RuntimeSpec spec =
        apply(
            """
            mounts { destination: "-/proc" }
            mounts { destination: "/data/deep" type: "bind" source: "/other" options: "rslave" }
            mounts { destination: "/data" type: "tmpfs" source: "tmpfs" options: "ro" }
            """);

    assertThat(spec.mounts())
        .containsExactly(
            new Mount("/data", "tmpfs", "tmpfs", List.of("ro")),
            new Mount("/data/deep", "bind", "/other", List.of("rslave")));
    assertThat(linux(spec).rootfsPropagation()).isEqualTo("rslave");
  }

  @Test
  void deviceIsAddedWithTheRightToUseIt() throws ParseException {
    RuntimeSpec spec =
        apply(
            """
            linux { devices { path: "-/dev/a" }
              devices { path: "/dev/b" type: "b" major: 7 minor: 8 file_mode { value: 384 } } }
            """);

    assertThat(linux(spec).devices())
        .containsExactly(new Device("/dev/b", "b", 7, 8, 0600, null, null));
    assertThat(requireNonNull(linux(spec).resources()).devices())
        .containsExactly(new Resources.DeviceRule(true, "b", 7L, 8L, "rwm"));
  }

  @Test
  void namespacesSysctlsAndCgroupAreChanged() throws ParseException {
    RuntimeSpec spec =
        apply(
            """
            linux { namespaces { type: "-pid" } namespaces { type: "network" path: "/run/other" }
              sysctl { key: "-net.a" value: "" } sysctl { key: "net.b" value: "2" }
              net_devices { key: "eth7" value { name: "eth1" } }
              cgroups_path: "/elsewhere" }
            """);

    assertThat(linux(spec).namespace("pid")).isEmpty();
    assertThat(linux(spec).namespace("network").orElseThrow().path()).isEqualTo("/run/other");
    assertThat(linux(spec).sysctl()).containsOnlyKeys("net.b");
    assertThat(linux(spec).netDevices()).containsOnlyKeys("eth7");
    assertThat(linux(spec).cgroupsPath()).isEqualTo("/elsewhere");
  }

  @Test
  void swapThatWasKeptToTheMemoryLimitStaysSo() throws ParseException {
    RuntimeSpec spec =
        apply(
            """
            linux { resources { memory { limit { value: 50 } } cpu { quota { value: 0 } }
              pids { limit: 9 } hugepage_limits { page_size: "2MB" limit: 4 } } }
            """);

    Resources limits = requireNonNull(linux(spec).resources());
    assertThat(requireNonNull(limits.memory()).limit()).isEqualTo(50);
    assertThat(requireNonNull(limits.memory()).swap()).isEqualTo(50);
    assertThat(requireNonNull(limits.cpu()).shares()).isEqualTo(5);
    assertThat(requireNonNull(limits.cpu()).quota()).isZero();
    assertThat(requireNonNull(limits.pids()).limit()).isEqualTo(9);
    assertThat(limits.hugepageLimits()).hasSize(1);
  }

  @Test
  void seccompRdtMemoryPolicyAndHooksReachTheSpec() throws ParseException {
    RuntimeSpec spec =
        apply(
            """
            hooks { create_runtime { path: "/bin/true" args: "true" timeout { value: 3 } } }
            linux { seccomp_policy { default_action: "SCMP_ACT_ALLOW"
                syscalls { names: "chmod" action: "SCMP_ACT_ERRNO" errno_ret { value: 1 } } }
              rdt { clos_id { value: "gold" } }
              memory_policy { mode: MPOL_BIND nodes: "0" flags: MPOL_F_STATIC_NODES } }
            """);

    assertThat(requireNonNull(spec.hooks()).createRuntime())
        .singleElement()
        .extracting("timeout")
        .isEqualTo(3);
    assertThat(requireNonNull(linux(spec).seccomp()).syscalls()).hasSize(1);
    assertThat(requireNonNull(linux(spec).intelRdt()).closID()).isEqualTo("gold");
    assertThat(requireNonNull(linux(spec).memoryPolicy()).mode()).isEqualTo("MPOL_BIND");
  }

  @Test
  void numbersThatTheSpecCannotHaveStayTooLarge() throws ParseException {
    RuntimeSpec spec =
        apply(
            """
            hooks { poststop { path: "/bin/true" timeout { value: 4294967299 } } }
            linux { oom_score_adj { value: -4294967296 } }
            """);

    assertThat(requireNonNull(spec.hooks()).poststop())
        .singleElement()
        .extracting("timeout")
        .isEqualTo(Integer.MAX_VALUE);
    assertThat(requireNonNull(spec.process()).oomScoreAdj()).isEqualTo(Integer.MIN_VALUE);
  }

  @Test
  void whatIsNotImplementedIsNamed() {
    assertThatThrownBy(() -> apply("linux { resources { blockio_class { value: \"slow\" } } }"))
        .isInstanceOf(BerthException.class)
        .hasMessageContaining("blockio_class");
  }

  @Test
  void pluginsAreToldWhatTheSpecSays() {
    Container told = SpecMessages.describe(SPEC).build();

    assertThat(told.getArgsList()).containsExactly("sleep", "1");
    assertThat(told.getEnvList()).containsExactly("PATH=/bin", "A=1");
    assertThat(told.getMountsList()).extracting("destination").contains("/proc", "/data/deep");
    assertThat(told.getLinux().getCgroupsPath()).isEqualTo("/berth/c");
    assertThat(told.getLinux().getResources().getMemory().getLimit().getValue()).isEqualTo(100);
    assertThat(told.getLinux().getNamespaces(1).getPath()).isEqualTo("/run/net");
    assertThat(told.getLinux().getDevices(0).getPath()).isEqualTo("/dev/a");
    assertThat(told.getRlimits(0).getHard()).isEqualTo(10);
  }
}
