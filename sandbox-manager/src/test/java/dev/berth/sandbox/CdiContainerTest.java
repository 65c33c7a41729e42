package dev.berth.sandbox;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.base.BerthException;
import dev.berth.proto.cri.v1.CDIDevice;
import dev.berth.proto.cri.v1.ContainerConfig;
import dev.berth.proto.cri.v1.IDMapping;
import dev.berth.proto.cri.v1.NamespaceMode;
import dev.berth.proto.cri.v1.PodSandboxConfig;
import dev.berth.proto.cri.v1.UserNamespace;
import dev.berth.testing.RequiresRoot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@RequiresRoot
final class CdiContainerTest {
  private static final String SPEC =
      """
      {
        "cdiVersion": "0.7.0",
        "kind": "vendor.com/null",
        "containerEdits": {"env": ["LIBRARY=/lib/vendor"]},
        "devices": [
          {
            "name": "zero",
            "containerEdits": {
              "env": ["FROM=cdi"],
              "deviceNodes": [{"path": "/dev/vendor/zero", "hostPath": "/dev/zero", "permissions": "r"}],
              "mounts": [
                {"hostPath": "LIBRARY", "containerPath": "/lib/vendor", "options": ["ro", "nosuid", "bind"]}
              ],
              "additionalGids": [4242]
            }
          },
          {
            "name": "hooked",
            "containerEdits": {"hooks": [
              {"hookName": "createRuntime", "path": "NOTE", "args": ["note", "createRuntime"]},
              {"hookName": "createContainer", "path": "NOTE",
               "args": ["note", "createContainer", "dev/vendor-made"], "env": ["WHO=the vendor"], "timeout": 10},
              {"hookName": "poststop", "path": "NOTE", "args": ["note", "poststop"]}
            ]}
          },
          {
            "name": "broken",
            "containerEdits": {"hooks": [{"hookName": "createRuntime", "path": "/bin/false"}]}
          }
        ]
      }
      """;

  private static final IDMapping RANGE =
      IDMapping.newBuilder().setContainerId(0).setHostId(300_000).setLength(65_536).build();
  private static final UserNamespace USERS =
      UserNamespace.newBuilder().setMode(NamespaceMode.POD).addUids(RANGE).addGids(RANGE).build();

  @TempDir Path directory;
  private TestNode node;

  @BeforeEach
  void open() throws Exception {
    node = new TestNode(directory, "berth");
    Path library = Files.createDirectory(directory.resolve("library"));
    Files.writeString(library.resolve("content"), "from the vendor");
    writeSpec(
        SPEC.replace("\"LIBRARY\"", "\"" + library + "\"")
            .replace("\"NOTE\"", "\"" + writeHook() + "\""));
  }

  /** Notes its point and, as hooks of devices do, makes a file in the container's root. */
  private Path writeHook() throws IOException {
    Path hook =
        Files.writeString(
            directory.resolve("note"),
            """
            #!/bin/sh
            PATH=/bin:/usr/bin
            bundle=$(grep -o '"bundle":"[^"]*"' | cut -d '"' -f 4)
            echo "$1" >> "$(dirname "$0")/notes"
            [ -z "$2" ] || echo "made by $WHO" > "$bundle/rootfs/$2"
            """);
    return Files.setPosixFilePermissions(hook, PosixFilePermissions.fromString("rwxr-xr-x"));
  }

  private void writeSpec(String content) throws IOException {
    Files.writeString(Files.createDirectories(directory.resolve("cdi")).resolve("v.json"), content);
  }

  @AfterEach
  void close() throws Exception {
    node.close();
  }

  @Test
  void aDeviceBringsItsNodeMountVariablesAndGroup() throws Exception {
    SandboxStatus pod = node.run(node.pod("cdi"));
    ContainerConfig.Builder config = node.container("main", "/bin/sleep", "1000");
    config.addCDIDevices(CDIDevice.newBuilder().setName("vendor.com/null=zero"));
    config.putAnnotations("cdi.k8s.io/again", "vendor.com/null=zero");
    ContainerStatus container = node.start(pod, config);
    assertThat(
            node.exec(
                container.id(), "sh", "-c", "echo $LIBRARY $FROM; cat /lib/vendor/content; id"))
        .isEqualTo("/lib/vendor cdi\nfrom the vendoruid=0(root) gid=0(root) groups=0(root),4242\n");
    assertThat(node.exec(container.id(), "head", "-c", "3", "/dev/vendor/zero"))
        .isEqualTo("\0\0\0");
    assertThat(node.exec(container.id(), "touch", "/lib/vendor/new")).contains("Read-only");
    node.remove(pod);
    node.assertNothingLeft();
  }

  @Test
  void annotationsNameDevicesToo() throws Exception {
    SandboxStatus pod = node.run(node.pod("annotated"));
    ContainerConfig.Builder config = node.container("main", "/bin/sleep", "1000");
    config.putAnnotations("cdi.k8s.io/vendor_one", "vendor.com/null=zero");
    ContainerStatus container = node.start(pod, config);
    assertThat(node.exec(container.id(), "sh", "-c", "echo $FROM")).isEqualTo("cdi\n");
    node.remove(pod);
    node.assertNothingLeft();
  }

  @Test
  void hooksOfADeviceRunAndCanChangeTheRoot() throws Exception {
    SandboxStatus pod = node.run(node.pod("hooked"));
    ContainerConfig.Builder config = node.container("main", "/bin/sleep", "1000");
    config.addCDIDevices(CDIDevice.newBuilder().setName("vendor.com/null=hooked"));
    ContainerStatus container = node.start(pod, config);
    assertThat(Files.readAllLines(directory.resolve("notes")))
        .containsExactly("createRuntime", "createContainer");
    assertThat(node.exec(container.id(), "cat", "/dev/vendor-made"))
        .isEqualTo("made by the vendor\n");
    node.remove(pod);
    assertThat(Files.readAllLines(directory.resolve("notes"))).endsWith("poststop");
    node.assertNothingLeft();
  }

  @Test
  void hooksOfADeviceFindTheRootOfAUserNamespace() throws Exception {
    Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwx--x--x"));
    PodSandboxConfig.Builder mapped = node.pod("mapped");
    mapped
        .getLinuxBuilder()
        .getSecurityContextBuilder()
        .getNamespaceOptionsBuilder()
        .setUsernsOptions(USERS);
    SandboxStatus pod = node.run(mapped);
    ContainerConfig.Builder config = node.container("main", "/bin/sleep", "1000");
    config
        .getLinuxBuilder()
        .getSecurityContextBuilder()
        .getNamespaceOptionsBuilder()
        .setUsernsOptions(USERS);
    config.addCDIDevices(CDIDevice.newBuilder().setName("vendor.com/null=hooked"));
    ContainerStatus container = node.start(pod, config);
    assertThat(node.exec(container.id(), "cat", "/dev/vendor-made"))
        .isEqualTo("made by the vendor\n");
    node.remove(pod);
    node.assertNothingLeft();
  }

  @Test
  void aHookThatFailsFailsTheContainerAndLeavesNothing() throws Exception {
    SandboxStatus pod = node.run(node.pod("broken"));
    ContainerConfig.Builder config = node.container("main", "/bin/sleep", "1000");
    config.addCDIDevices(CDIDevice.newBuilder().setName("vendor.com/null=broken"));
    assertThatThrownBy(() -> node.start(pod, config))
        .hasMessageContaining("hooks.createRuntime[0]: /bin/false exited with 1");
    node.remove(pod);
    node.assertNothingLeft();
  }

  @Test
  void anUnknownDeviceFailsTheContainerAndLeavesNothing() throws Exception {
    SandboxStatus pod = node.run(node.pod("unknown"));
    ContainerConfig.Builder config = node.container("main", "/bin/sleep", "1000");
    config.addCDIDevices(CDIDevice.newBuilder().setName("vendor.com/null=one"));
    assertThatThrownBy(() -> node.create(pod, config))
        .isInstanceOf(BerthException.class)
        .hasMessageContaining("CDI device vendor.com/null=one is in no spec file");
    node.remove(pod);
    node.assertNothingLeft();
  }
}
