package dev.berth.sandbox.nri;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.TextFormat;
import com.google.protobuf.TextFormat.ParseException;
import dev.berth.base.BerthException;
import dev.berth.proto.nri.Container;
import dev.berth.proto.nri.ContainerAdjustment;
import dev.berth.proto.nri.ContainerUpdate;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What two plugins, one after the other, may and may not want. */
class AdjustmentCollectorTest {
  private final Owners owners = new Owners();
  private AdjustmentCollector collector =
      new AdjustmentCollector(owners, Container.newBuilder().setId("c").build());

  private void apply(String plugin, String wanted) throws ParseException {
    collector.apply(TextFormat.parse(wanted, ContainerAdjustment.class), plugin);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          annotations { key: 'k' value: 'v' }                    | Annotations k
          mounts { destination: '/m' }                           | Mounts /m
          env { key: 'E' }                                       | Env E
          args: 'x'                                              | Args
          rlimits { type: 'RLIMIT_CORE' }                        | Rlimits RLIMIT_CORE
          CDI_devices { name: 'd' }                              | CdiDevices d
          linux { devices { path: '/dev/d' } }                   | Devices /dev/d
          linux { namespaces { type: 'ipc' } }                   | Namespace ipc
          linux { sysctl { key: 's' value: '1' } }               | Sysctl s
          linux { cgroups_path: '/p' }                           | CgroupsPath
          linux { oom_score_adj { value: 0 } }                   | OomScoreAdj
          linux { io_priority { } }                              | IoPriority
          linux { seccomp_policy { } }                           | SeccompPolicy
          linux { scheduler { } }                                | LinuxSched
          linux { memory_policy { } }                            | MemoryPolicy
          linux { rdt { clos_id { } } }                          | RdtClosID
          linux { resources { memory { swap { value: 0 } } } }   | MemSwapLimit
          linux { resources { cpu { cpus: '0' } } }              | CPUSetCPUs
          linux { resources { pids { limit: 0 } } }              | PidsLimit
          linux { resources { unified { key: 'u' value: '' } } } | CgroupsUnified u
          linux { resources { hugepage_limits { page_size: '2MB' } } } | HugepageLimits 2MB
          """)
  void fieldIsSetByOnePluginOnly(String wanted, String field) throws ParseException {
    apply("10-a", wanted);

    assertThatThrownBy(() -> apply("20-b", wanted))
        .isInstanceOf(BerthException.class)
        .hasMessage("nri plugins 10-a and 20-b both set " + field + " of container c");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          annotations { key: 'k' value: 'a' } | annotations { key: '-k' value: '' } \
          annotations { key: 'k' value: 'b' }
          mounts { destination: '/m' source: 'a' } | mounts { destination: '-/m' } \
          mounts { destination: '/m' source: 'b' }
          env { key: 'E' value: 'a' } | env { key: '-E' } env { key: 'E' value: 'b' }
          linux { devices { path: '/d' major: 1 } } | linux { devices { path: '-/d' } \
          devices { path: '/d' major: 2 } }
          args: 'a' | args: '' args: 'b'
          """)
  void pluginTakesAFieldOverByRemovingItFirst(String first, String second) throws ParseException {
    apply("10-a", first);
    apply("20-b", second);

    assertThat(owners.toMessage().toString()).contains("20-b").doesNotContain("10-a");
    assertThat(collector.adjustment().toString()).doesNotContain("\"a\"");
  }

  @Test
  void hooksOfAllPluginsAreKept() throws ParseException {
    apply("10-a", "hooks { poststop { path: '/a' } }");
    apply("20-b", "hooks { poststop { path: '/b' } }");

    assertThat(collector.adjustment().getHooks().getPoststopList())
        .extracting("path")
        .containsExactly("/a", "/b");
  }

  @Test
  void zeroOfALaterFieldCounts() throws ParseException {
    collector =
        new AdjustmentCollector(
            owners,
            TextFormat.parse(
                "id: 'c' linux { resources { cpu { quota { value: 9 } } } }", Container.class));

    apply("10-a", "linux { resources { cpu { quota { value: 0 } } } }");

    assertThat(collector.shown().getLinux().getResources().getCpu().getQuota().getValue()).isZero();
  }

  @Test
  void containerThatIsBeingMadeCannotBeUpdated() {
    var updates = new UpdateCollector(owners, "c");
    var update = ContainerUpdate.newBuilder().setContainerId("c").build();

    assertThatThrownBy(() -> updates.apply(List.of(update), "10-a"))
        .hasMessageContaining("only being made");
  }

  @Test
  void conflictingUpdateWhoseFailureDoesNotMatterIsDropped() throws ParseException {
    var updates = new UpdateCollector(owners, "");
    var first =
        TextFormat.parse(
            "container_id: 'x' linux { resources { cpu { shares { value: 3 } } } }",
            ContainerUpdate.class);
    var second =
        TextFormat.parse(
            "container_id: 'x' ignore_failure: true"
                + " linux { resources { cpu { shares { value: 4 } } } }",
            ContainerUpdate.class);

    updates.apply(List.of(first), "10-a");
    updates.apply(List.of(second), "20-b");

    assertThat(updates.others(""))
        .singleElement()
        .extracting(update -> update.getLinux().getResources().getCpu().getShares().getValue())
        .isEqualTo(3L);
  }
}
