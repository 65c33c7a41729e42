package dev.berth.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.proto.cri.v1.ContainerConfig;
import dev.berth.proto.cri.v1.Mount;
import dev.berth.proto.cri.v1.MountPropagation;
import dev.berth.proto.cri.v1.PodSandboxConfig;
import dev.berth.testing.RequiresRoot;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Volumes: what a container sees of the host, and the host of what a container mounts. */
@RequiresRoot
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class MountsTest {
  @TempDir private static Path directory;
  private PodNode started;
  private Pods pods;
  private PodSandboxConfig config;
  private String pod;

  @BeforeAll
  void start() throws Exception {
    started = PodNode.start(directory);
    pods = started.pods();
    PodSandboxConfig.Builder privileged = pods.config("volumes").toBuilder();
    privileged.getLinuxBuilder().getSecurityContextBuilder().setPrivileged(true);
    config = privileged.build();
    pod = pods.run(config);
  }

  @AfterAll
  void stop() throws IOException {
    started.close();
  }

  private static Mount volume(Path source) {
    return Mount.newBuilder().setHostPath(source.toString()).setContainerPath("/volume").build();
  }

  private ContainerConfig with(String script, Mount mount) {
    return Pods.shell("main", started.image(), script).toBuilder().addMounts(mount).build();
  }

  private ContainerConfig privilegedWith(Mount mount) {
    ContainerConfig.Builder container = with("exec sleep 1000", mount).toBuilder();
    container.getLinuxBuilder().getSecurityContextBuilder().setPrivileged(true);
    return container.build();
  }

  @Test
  void directoryOfTheHostIsSeen() throws IOException {
    Path source = Files.createDirectories(directory.resolve("plain"));
    Files.writeString(source.resolve("flag"), "here\n");
    assertThat(pods.runToEnd(pod, config, with("cat /volume/flag", volume(source))).stdout())
        .isEqualTo("here\n");
  }

  @Test
  void directoryBehindALinkIsSeen() throws IOException {
    Path source = Files.createDirectories(directory.resolve("target"));
    Files.writeString(source.resolve("flag"), "here\n");
    Path link = Files.createSymbolicLink(directory.resolve("link"), source);
    assertThat(pods.runToEnd(pod, config, with("cat /volume/flag", volume(link))).stdout())
        .isEqualTo("here\n");
  }

  /** A mount point of its own on the host, with a place in it for another; gone at the end. */
  private static final class HostMount implements AutoCloseable {
    private final Path point;
    private final Path inner;

    HostMount(String name, String propagation) throws IOException {
      point = Files.createDirectories(directory.resolve(name));
      Command.output("mount", "-t", "tmpfs", "-o", "mode=755", "none", point.toString());
      Command.output("mount", "--make-" + propagation, point.toString());
      inner = Files.createDirectories(point.resolve("inner"));
      Files.createDirectories(point.resolve("theirs"));
    }

    void mountInner() throws IOException {
      Command.output("mount", "-t", "tmpfs", "-o", "mode=755", "none", inner.toString());
      Files.writeString(inner.resolve("flag"), "here\n");
    }

    boolean seesTheirs() {
      return Files.exists(point.resolve("theirs/new"));
    }

    @Override
    public void close() {
      Command.output("umount", "-R", point.toString());
    }
  }

  /** What a container sees of a later mount of the host, and the host of one of the container. */
  private record Seen(boolean byContainer, boolean byHost) {}

  private Seen seen(MountPropagation propagation, String ofHost) throws IOException {
    try (HostMount mount = new HostMount("propagated-" + propagation.getNumber(), ofHost)) {
      Mount volume = volume(mount.point).toBuilder().setPropagation(propagation).build();
      String id = pods.launch(pod, config, privilegedWith(volume));
      assertThat(pods.status(id).getMounts(0).getPropagation()).isEqualTo(propagation);
      mount.mountInner();
      boolean byContainer = pods.exec(id, 10, "cat", "/volume/inner/flag").getExitCode() == 0;
      var made =
          pods.exec(
              id, 10, "sh", "-c", "mount -t tmpfs none /volume/theirs && touch /volume/theirs/new");
      assertThat(made.getExitCode()).as(made.getStderr().toStringUtf8()).isZero();
      boolean byHost = mount.seesTheirs();
      pods.exec(id, 10, "umount", "/volume/theirs");
      pods.removeContainer(id);
      return new Seen(byContainer, byHost);
    }
  }

  @Test
  void privateMountsStayWhereTheyAre() throws IOException {
    assertThat(seen(MountPropagation.PROPAGATION_PRIVATE, "rprivate"))
        .isEqualTo(new Seen(false, false));
  }

  @Test
  void mountsOfTheHostComeToAContainerThatIsItsSlave() throws IOException {
    assertThat(seen(MountPropagation.PROPAGATION_HOST_TO_CONTAINER, "rshared"))
        .isEqualTo(new Seen(true, false));
  }

  @Test
  void sharedMountsAreSeenByBoth() throws IOException {
    assertThat(seen(MountPropagation.PROPAGATION_BIDIRECTIONAL, "rshared"))
        .isEqualTo(new Seen(true, true));
  }

  @Test
  void readOnlyMountHasWritableOnesBelow() throws IOException {
    assertThat(writeBelow(false)).isEqualTo(new Pods.Ended(0, "top is read-only\n", ""));
  }

  @Test
  void recursiveReadOnlyMountHasNone() throws IOException {
    Pods.Ended ended = writeBelow(true);
    assertThat(ended.stdout()).isEqualTo("top is read-only\n");
    assertThat(ended.stderr()).isEqualTo("touch: /volume/inner/new: Read-only file system\n");
  }

  private Pods.Ended writeBelow(boolean recursive) throws IOException {
    try (HostMount mount = new HostMount("read-only-" + recursive, "rprivate")) {
      mount.mountInner();
      Mount volume =
          volume(mount.point).toBuilder().setReadonly(true).setRecursiveReadOnly(recursive).build();
      String script =
          "touch /volume/new 2>/dev/null || echo top is read-only; touch /volume/inner/new";
      return pods.runToEnd(pod, config, with(script, volume));
    }
  }

  @ParameterizedTest
  @EnumSource(
      value = MountPropagation.class,
      names = {"PROPAGATION_HOST_TO_CONTAINER", "PROPAGATION_BIDIRECTIONAL"})
  void recursiveReadOnlyMountMustBePrivate(MountPropagation propagation) {
    refused(
        volume(directory).toBuilder()
            .setReadonly(true)
            .setRecursiveReadOnly(true)
            .setPropagation(propagation)
            .build());
  }

  @Test
  void recursiveReadOnlyMountMustBeReadOnly() {
    refused(volume(directory).toBuilder().setRecursiveReadOnly(true).build());
  }

  private void refused(Mount volume) {
    assertThatThrownBy(() -> pods.create(pod, config, privilegedWith(volume)))
        .isInstanceOfSatisfying(
            StatusRuntimeException.class,
            e -> assertThat(e.getStatus().getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT))
        .hasMessageContaining("mounts[0] /volume")
        .hasMessageContaining("recursive_read_only");
  }
}
