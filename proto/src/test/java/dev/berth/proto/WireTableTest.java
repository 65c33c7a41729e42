package dev.berth.proto;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.Descriptors.FileDescriptor;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.function.Predicate;
import org.junit.jupiter.api.Test;

/** Compares every compiled file, message, field, enum and call with the tables, both ways. */
class WireTableTest {
  private static final int API_COLUMN = 7;

  private static final FileDescriptor[] SHIM_FILES = {
    dev.berth.proto.shim.cgroups.v1.MetricsProto.getDescriptor(),
    dev.berth.proto.shim.cgroups.v2.MetricsProto.getDescriptor(),
    dev.berth.proto.shim.events.ContainerProto.getDescriptor(),
    dev.berth.proto.shim.events.ContentProto.getDescriptor(),
    dev.berth.proto.shim.events.images.ImageProto.getDescriptor(),
    dev.berth.proto.shim.events.NamespaceProto.getDescriptor(),
    dev.berth.proto.shim.events.SandboxProto.getDescriptor(),
    dev.berth.proto.shim.events.SnapshotProto.getDescriptor(),
    dev.berth.proto.shim.events.TaskProto.getDescriptor(),
    dev.berth.proto.shim.bootstrap.v1.BootstrapProto.getDescriptor(),
    dev.berth.proto.shim.sandbox.v1.SandboxProto.getDescriptor(),
    dev.berth.proto.shim.task.v2.ShimProto.getDescriptor(),
    dev.berth.proto.shim.task.v3.ShimProto.getDescriptor(),
    dev.berth.proto.shim.services.sandbox.v1.SandboxProto.getDescriptor(),
    dev.berth.proto.shim.streaming.v1.StreamingProto.getDescriptor(),
    dev.berth.proto.shim.events.ttrpc.v1.EventsProto.getDescriptor(),
    dev.berth.proto.shim.ttrpc.RequestProto.getDescriptor(),
    dev.berth.proto.shim.types.DescriptorProto.getDescriptor(),
    dev.berth.proto.shim.types.EventProto.getDescriptor(),
    dev.berth.proto.shim.types.FieldpathProto.getDescriptor(),
    dev.berth.proto.shim.types.IntrospectionProto.getDescriptor(),
    dev.berth.proto.shim.types.MetricsProto.getDescriptor(),
    dev.berth.proto.shim.types.MountProto.getDescriptor(),
    dev.berth.proto.shim.types.PlatformProto.getDescriptor(),
    dev.berth.proto.shim.runc.v1.OciProto.getDescriptor(),
    dev.berth.proto.shim.runtimeoptions.v1.ApiProto.getDescriptor(),
    dev.berth.proto.shim.types.SandboxProto.getDescriptor(),
    dev.berth.proto.shim.types.task.TaskProto.getDescriptor(),
    dev.berth.proto.shim.types.transfer.StreamingProto.getDescriptor()
  };

  @Test
  void criIsExactlyWhatTheTableSaysOfItsNewestVersion() throws IOException {
    List<String> table = table("wire/cri-wire.tsv", row -> !row[API_COLUMN].equals("0.36-only"));

    assertSame(table, compiled(dev.berth.proto.cri.v1.ApiProto.getDescriptor()));
  }

  @Test
  void shimProtocolIsExactlyWhatTheTableSays() throws IOException {
    List<String> table = table("wire/shim-wire.tsv", _ -> true);

    assertSame(table, compiled(SHIM_FILES));
  }

  @Test
  void pluginInterfaceIsExactlyWhatTheTableSays() throws IOException {
    List<String> table = table("wire/nri-wire.tsv", _ -> true);

    assertSame(table, compiled(dev.berth.proto.nri.ApiProto.getDescriptor()));
  }

  @Test
  void tablesAreWhole() throws IOException {
    assertThat(table("wire/cri-wire.tsv", _ -> true)).hasSize(869);
    assertThat(table("wire/shim-wire.tsv", _ -> true)).hasSize(910);
    assertThat(table("wire/nri-wire.tsv", _ -> true)).hasSize(458);
  }

  /** Names only what differs: the tables are long. */
  private static void assertSame(List<String> table, List<String> compiled) {
    assertThat(without(table, compiled)).as("in the table, not compiled").isEmpty();
    assertThat(without(compiled, table)).as("compiled, not in the table").isEmpty();
    assertThat(compiled).doesNotHaveDuplicates().hasSameSizeAs(table);
  }

  private static List<String> without(List<String> rows, List<String> others) {
    Set<String> known = Set.copyOf(others);
    return rows.stream().filter(row -> !known.contains(row)).toList();
  }

  private static List<String> compiled(FileDescriptor... files) {
    return Arrays.stream(files).flatMap(file -> DescriptorRows.of(file).stream()).toList();
  }

  /** Returns the rows without heading and without the column that only selects rows. */
  private static List<String> table(String resource, Predicate<String[]> wanted)
      throws IOException {
    List<String> rows = new ArrayList<>();
    for (String line : read(resource).lines().skip(1).toList()) {
      String[] columns = line.split("\t", -1);
      if (wanted.test(columns)) {
        rows.add(String.join("\t", Arrays.copyOf(columns, API_COLUMN)));
      }
    }
    return rows;
  }

  private static String read(String resource) throws IOException {
    try (InputStream in = WireTableTest.class.getClassLoader().getResourceAsStream(resource)) {
      assertThat(in).as(resource).isNotNull();
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    }
  }
}
