package dev.berth.sandbox.spec;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.base.BerthException;
import dev.berth.proto.cri.v1.IDMapping;
import dev.berth.proto.cri.v1.Mount;
import dev.berth.proto.cri.v1.MountPropagation;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class HostMountsTest {
  @TempDir Path directory;

  @Test
  void symbolicLinksAreResolvedAndWhatIsMissingIsMade() throws IOException {
    Path real = Files.createDirectory(directory.toRealPath().resolve("real"));
    Files.createSymbolicLink(directory.resolve("link"), real);
    var resolved =
        HostMounts.resolve(
            List.of(
                mount("/a", directory.resolve("link")).build(),
                mount("/b/../c/", directory.resolve("new/deep")).setReadonly(true).build()),
            Map.of());
    assertThat(resolved.getFirst().source()).isEqualTo(real);
    assertThat(resolved.getFirst().access()).isEqualTo(BoundMount.Access.READ_WRITE);
    assertThat(resolved.getLast().destination()).isEqualTo("/c");
    assertThat(resolved.getLast().access()).isEqualTo(BoundMount.Access.READ_ONLY);
    assertThat(directory.resolve("new/deep")).isDirectory();
  }

  @Test
  void recursiveReadOnlyNeedsReadOnlyAndPrivate() {
    var plain = mount("/a", directory).setRecursiveReadOnly(true);
    refused(plain, "mounts[0] /a: recursive_read_only needs readonly");
    refused(
        plain.setReadonly(true).setPropagation(MountPropagation.PROPAGATION_HOST_TO_CONTAINER),
        "recursive_read_only needs private propagation");
    plain.setPropagation(MountPropagation.PROPAGATION_PRIVATE);
    assertThat(HostMounts.resolve(List.of(plain.build()), Map.of()).getFirst().access())
        .isEqualTo(BoundMount.Access.RECURSIVELY_READ_ONLY);
  }

  @Test
  void whatCannotBeMountedIsNamed() {
    refused(mount("relative", directory), "container_path is not absolute");
    refused(mount("/a/..", directory), "the root itself");
    refused(Mount.newBuilder().setContainerPath("/a").setHostPath("b"), "host_path \"b\"");
    refused(Mount.newBuilder().setContainerPath("/a"), "host_path \"\"");
    refused(mount("/a", directory).addUidMappings(IDMapping.getDefaultInstance()), "gidMappings");
    refused(mount("/a", directory).addMountOptions("noexec"), "mount_options");
  }

  @Test
  void propagationIsReadFromTheMountThatHoldsThePath() {
    var mounts =
        List.of(
            MountPeers.Entry.parse("1 0 8:1 / / rw shared:1 - ext4 /dev/sda rw"),
            MountPeers.Entry.parse("2 1 8:1 / /a\\040b rw master:1 - ext4 /dev/sda rw"),
            MountPeers.Entry.parse("3 2 8:1 / /a\\040b/c rw - ext4 /dev/sda rw"),
            MountPeers.Entry.parse("4 2 8:1 / /a\\040b/c rw master:7 - ext4 /dev/sda rw"));
    assertThat(MountPeers.mountOf(Path.of("/a b/x"), mounts).has("master")).isTrue();
    assertThat(MountPeers.mountOf(Path.of("/a b/x"), mounts).has("shared")).isFalse();
    assertThat(MountPeers.mountOf(Path.of("/ab"), mounts).has("shared")).isTrue();
    assertThat(MountPeers.mountOf(Path.of("/a b/c/d"), mounts).optional())
        .as("the last of two mounts on one point")
        .containsExactly("master:7");
  }

  private static void refused(Mount.Builder mount, String message) {
    assertThatThrownBy(() -> HostMounts.resolve(List.of(mount.build()), Map.of()))
        .isInstanceOf(BerthException.class)
        .hasMessageContaining(message);
  }

  private static Mount.Builder mount(String container, Path host) {
    return Mount.newBuilder().setContainerPath(container).setHostPath(host.toString());
  }
}
