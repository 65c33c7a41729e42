package dev.berth.sandbox.cdi;

import static dev.berth.base.BerthException.Kind.FAILED_PRECONDITION;
import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;
import static dev.berth.base.BerthException.Kind.NOT_FOUND;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.base.BerthException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

final class CdiDevicesTest {
  @TempDir Path directory;
  private Path lower;
  private Path upper;
  private CdiDevices devices;

  @BeforeEach
  void makeDirectories() throws IOException {
    lower = Files.createDirectory(directory.resolve("etc"));
    upper = Files.createDirectory(directory.resolve("run"));
    devices = new CdiDevices(List.of(lower, upper, directory.resolve("missing")));
  }

  @Test
  void editsOfAFileComeOnceAndBeforeThoseOfItsDevices() throws IOException {
    write(lower, "a.json", spec("one", "two"));
    ContainerEdits edits =
        devices.edits(List.of("vendor.com/gpu=one", "vendor.com/gpu=two", "vendor.com/gpu=one"));
    assertThat(edits.env()).containsExactly("ALL=1", "DEVICE=one", "DEVICE=two");
  }

  @Test
  void filesAreInYamlToo() throws IOException {
    write(
        lower,
        "a.yaml",
        """
        cdiVersion: 0.6.0
        kind: vendor.com/gpu
        devices:
        - name: "0"
          containerEdits:
            env:
            - DEVICE=0
        """);
    assertThat(devices.edits(List.of("vendor.com/gpu=0")).env()).containsExactly("DEVICE=0");
  }

  @Test
  void nothingIsReadWhereNoDeviceIsAskedFor() throws IOException {
    write(lower, "broken.json", "{");
    assertThat(devices.edits(List.of())).isEqualTo(ContainerEdits.NONE);
  }

  @Test
  void aDeviceOfALaterDirectoryTakesThePlaceOfAnEarlierOne() throws IOException {
    write(lower, "a.json", spec("one", "two"));
    write(upper, "b.json", spec("one").replace("DEVICE=one", "DEVICE=newer"));
    assertThat(devices.edits(List.of("vendor.com/gpu=one")).env()).contains("DEVICE=newer");
    assertThat(devices.edits(List.of("vendor.com/gpu=two")).env()).contains("DEVICE=two");
  }

  @Test
  void aDeviceInTwoFilesOfOneDirectoryIsRefusedNamingBoth() throws IOException {
    write(lower, "a.json", spec("one"));
    write(lower, "b.json", spec("one", "two"));
    assertThatThrownBy(() -> devices.edits(List.of("vendor.com/gpu=one")))
        .isInstanceOfSatisfying(
            BerthException.class, e -> assertThat(e.kind()).isEqualTo(FAILED_PRECONDITION))
        .hasMessageContaining("vendor.com/gpu=one is in conflict")
        .hasMessageContaining("a.json")
        .hasMessageContaining("b.json");
    assertThat(devices.edits(List.of("vendor.com/gpu=two")).env()).contains("DEVICE=two");
  }

  @Test
  void anUnknownDeviceIsNamedTogetherWithTheFilesThatCouldNotBeRead() throws IOException {
    write(lower, "a.json", spec("one"));
    write(lower, "b.yaml", "cdiVersion: &v 0.6.0\nkind: vendor.com/gpu\n");
    assertThatThrownBy(() -> devices.edits(List.of("vendor.com/gpu=two")))
        .isInstanceOfSatisfying(
            BerthException.class, e -> assertThat(e.kind()).isEqualTo(NOT_FOUND))
        .hasMessageContaining("vendor.com/gpu=two is in no spec file")
        .hasMessageContaining("b.yaml: not understood: line 1: this kind of YAML is not supported");
    assertThat(devices.edits(List.of("vendor.com/gpu=one")).env()).contains("DEVICE=one");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"", "gpu", "vendor.com/gpu", "/gpu=one", "vendor.com/gpu=", "a/b=../x", "1a/b=c"})
  void whatIsNoNameIsRefused(String name) {
    assertThatThrownBy(() -> devices.edits(List.of(name)))
        .isInstanceOfSatisfying(
            BerthException.class, e -> assertThat(e.kind()).isEqualTo(INVALID_ARGUMENT));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{                                                           | not understood",
        "{\"kind\": \"vendor.com/gpu\"}                              | cdiVersion is missing",
        "{\"cdiVersion\": \"7.0.0\", \"kind\": \"vendor.com/gpu\"}   | cdiVersion 7.0.0 is not known",
        "{\"cdiVersion\": \"0.6.0\", \"kind\": \"gpu\"}              | kind is not like",
        "{\"cdiVersion\": \"0.6.0\", \"kind\": \"vendor.com/gpu\"}   | devices is empty",
      })
  void aFileThatIsNoSpecIsNamedWithItsFault(String content, String fault) throws IOException {
    write(lower, "bad.json", content);
    assertUnreadable(fault);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "\"env\": [\"novalue\"]                                  | device x: env \"novalue\" has no name",
        "\"deviceNodes\": [{\"path\": \"dev/x\"}]                | deviceNodes: path is not absolute",
        "\"deviceNodes\": [{\"path\": \"/x\", \"type\": \"z\"}]  | type is none of",
        "\"mounts\": [{\"containerPath\": \"/x\"}]               | mounts /x: hostPath is missing",
        "\"hooks\": [{\"hookName\": \"never\", \"path\": \"/x\"}]| hookName \"never\" is not known",
        "\"additionalGids\": [-1]                                | additionalGids: -1",
      })
  void anEditThatCannotBeIsNamedWithDeviceAndFile(String edit, String fault) throws IOException {
    write(
        lower,
        "bad.json",
        "{\"cdiVersion\": \"0.6.0\", \"kind\": \"vendor.com/gpu\", \"devices\":"
            + " [{\"name\": \"x\", \"containerEdits\": {"
            + edit
            + "}}]}");
    assertUnreadable(fault);
  }

  private void assertUnreadable(String fault) {
    assertThatThrownBy(() -> devices.edits(List.of("vendor.com/gpu=x")))
        .hasMessageContaining("CDI spec " + lower.resolve("bad.json") + ": ")
        .hasMessageContaining(fault);
  }

  private static String spec(String... names) {
    StringBuilder all = new StringBuilder();
    for (String name : names) {
      all.append(all.isEmpty() ? "" : ", ")
          .append(
              "{\"name\": \"%1$s\", \"containerEdits\": {\"env\": [\"DEVICE=%1$s\"]}}"
                  .formatted(name));
    }
    return """
    {"cdiVersion": "0.6.0", "kind": "vendor.com/gpu", "devices": [%s],
     "containerEdits": {"env": ["ALL=1"]}}
    """
        .formatted(all);
  }

  private static void write(Path directory, String name, String content) throws IOException {
    Files.writeString(directory.resolve(name), content);
  }
}
