package dev.berth.e2e;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.proto.cri.v1.ContainerConfig;
import dev.berth.proto.cri.v1.ContainerState;
import dev.berth.proto.cri.v1.ImageSpec;
import dev.berth.proto.cri.v1.Mount;
import dev.berth.proto.cri.v1.PodSandboxConfig;
import dev.berth.testing.RequiresRoot;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** An image, or a part of one, as a volume. */
@RequiresRoot
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class ImageVolumeTest {
  @TempDir private static Path directory;
  private PodNode running;
  private BerthNode node;
  private Pods pods;
  private String image;
  private PodSandboxConfig config;
  private String pod;

  @BeforeAll
  void start() throws Exception {
    running = PodNode.start(directory);
    node = running.node();
    pods = running.pods();
    image = running.image();
    config = pods.config("volumes");
    pod = pods.run(config);
  }

  @AfterAll
  void stop() throws IOException {
    pods.remove(pod);
    running.close();
  }

  @Test
  void imageIsReadAndExecutedButNotWritten() throws IOException {
    HostSnapshot before = HostSnapshot.take(node);
    String id = pods.launch(pod, config, with("whole", volume("")));
    assertThat(out(id, "/volume/bin/busybox", "echo", "hello")).isEqualTo("hello\n");
    assertThat(pods.exec(id, 10, "touch", "/volume/new").getExitCode()).isNotZero();
    Mount shown = pods.status(id).getMounts(0);
    assertThat(shown.getImage().getImage()).isEqualTo(image);
    assertThat(shown.getImage().getImageRef()).isEqualTo(image);
    pods.removeContainer(id);
    deleteLog("whole");
    before.assertRestored();
  }

  @Test
  void aPodThatIsStoppedHasNoVolumeMountedAnyMore() throws IOException {
    PodSandboxConfig stopping = pods.config("stopping");
    String id = pods.run(stopping);
    String ran = pods.launch(id, stopping, with("ran", volume("")));
    String waits = pods.create(id, stopping, with("waits", volume("bin")));

    pods.stop(id);

    assertThat(Files.readString(Path.of("/proc/self/mountinfo"))).doesNotContain(ran, waits);
    assertThat(pods.status(waits).getState()).isEqualTo(ContainerState.CONTAINER_EXITED);
    pods.stop(id);
    pods.remove(id);
  }

  @Test
  void partOfAnImageIsMountedAlone() {
    String id = pods.launch(pod, config, with("part", volume("bin")));
    assertThat(out(id, "ls", "/volume")).contains("busybox").doesNotContain("etc\n");
    pods.removeContainer(id);
  }

  @Test
  void filesOfAnArtifactAreMountedByTheirTitles() throws Exception {
    byte[] weights = "as they came".getBytes(UTF_8);
    byte[] none = "{}".getBytes(UTF_8);
    TestRegistry registry = running.registry();
    String manifest =
        """
        {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
         "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": "%s", "size": 2},
         "layers": [{"mediaType": "application/octet-stream", "digest": "%s", "size": %d,
           "annotations": {"org.opencontainers.image.title": "weights.bin"}}]}\
        """
            .formatted(
                registry.upload("model", none), registry.upload("model", weights), weights.length);
    registry.pushManifest("model", manifest.getBytes(UTF_8));
    String model = registry.reference("model");
    pods.pull(model);
    var volume = volume("").toBuilder().setImage(ImageSpec.newBuilder().setImage(model)).build();
    String id = pods.launch(pod, config, with("artifact", volume));
    assertThat(out(id, "cat", "/volume/weights.bin")).isEqualTo("as they came");
    pods.removeContainer(id);
    deleteLog("artifact");
    pods.removeImage(model);
  }

  @Test
  void partThatLeadsOutOfTheImageStaysInside() throws IOException {
    HostSnapshot before = HostSnapshot.take(node);
    assertThatThrownBy(
            () -> pods.create(pod, config, with("outside", volume("../../../etc/no-such-file"))))
        .isInstanceOf(StatusRuntimeException.class)
        .hasMessageContaining("ImageVolumeMountFailed: mounts[0] /volume: image_sub_path");
    deleteLog("outside");
    before.assertRestored();
  }

  @Test
  void volumeToBeWrittenAndMissingImageAreRefused() {
    var writable = volume("").toBuilder().setReadonly(false).build();
    assertThatThrownBy(() -> pods.create(pod, config, with("writable", writable)))
        .hasMessageContaining("mounts[0] /volume: an image volume must be readonly");
    var missing = volume("").toBuilder().setImage(ImageSpec.newBuilder().setImage("no/such:1"));
    assertThatThrownBy(() -> pods.create(pod, config, with("missing", missing.build())))
        .hasMessageContaining("ImageVolumeMountFailed")
        .hasMessageContaining("no/such:1");
  }

  /** A log belongs to its pod's user, and outlives its container. */
  private void deleteLog(String name) throws IOException {
    Files.deleteIfExists(Path.of(config.getLogDirectory(), name + ".log"));
  }

  private Mount volume(String subPath) {
    return Mount.newBuilder()
        .setContainerPath("/volume")
        .setReadonly(true)
        .setImage(ImageSpec.newBuilder().setImage(image))
        .setImageSubPath(subPath)
        .build();
  }

  private ContainerConfig with(String name, Mount volume) {
    return Pods.shell(name, image, "exec sleep 1000").toBuilder().addMounts(volume).build();
  }

  private String out(String id, String... command) {
    return pods.exec(id, 10, command).getStdout().toStringUtf8();
  }
}
