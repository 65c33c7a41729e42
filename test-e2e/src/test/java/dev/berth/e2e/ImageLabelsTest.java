package dev.berth.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.berth.proto.cri.v1.ContainerConfig;
import dev.berth.proto.cri.v1.ContainerStatus;
import dev.berth.proto.cri.v1.Image;
import dev.berth.proto.cri.v1.ImageSpec;
import dev.berth.proto.cri.v1.ImageStatusRequest;
import dev.berth.proto.cri.v1.PodSandboxConfig;
import dev.berth.testing.RequiresRoot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** An image with every label that means something to some runtime is run as one without (R13). */
@RequiresRoot
class ImageLabelsTest {
  private static final Map<String, String> RESERVED =
      Map.ofEntries(
          Map.entry("io.kubernetes.cri.container-type", "sandbox"),
          Map.entry("io.kubernetes.cri.sandbox-id", "../../escape"),
          Map.entry("io.kubernetes.cri-o.Volumes", "[{\"host_path\": \"/\"}]"),
          Map.entry("io.kubernetes.cri-o.userns-mode", "auto"),
          Map.entry("io.kubernetes.container.name", "another"),
          Map.entry("io.kubernetes.pod.uid", "another"),
          Map.entry("io.cri-containerd.kind", "sandbox"),
          Map.entry("io.cri-containerd.image", "managed"),
          Map.entry("io.cri-containerd.pinned", "pinned"),
          Map.entry("io.containerd.image.config.stop-signal", "SIGKILL"),
          Map.entry("containerd.io/restart.status", "running"),
          Map.entry("containerd.io/restart.loguri", "binary:///bin/sh"),
          Map.entry("containerd.io/gc.root", "now"),
          Map.entry("com.docker.compose.project", "another"),
          Map.entry("cdi.k8s.io/all", "vendor.com/device=all"),
          Map.entry("org.opencontainers.image.ref.name", "../../escape"),
          Map.entry("dev.berth.logger", "binary:///bin/sh"),
          Map.entry("berth.pinned", "true"));

  @TempDir private Path directory;
  private PrivateHost host;
  private TestRegistry registry;
  private BerthNode node;
  private Pods pods;

  @BeforeEach
  void start() throws IOException {
    host = new PrivateHost(directory.resolve("host"));
    registry = new TestRegistry(directory.resolve("registry"));
    node = BerthNode.start(directory, host);
    pods = new Pods(node);
  }

  @AfterEach
  void stop() throws IOException {
    node.close();
    registry.close();
    host.close();
  }

  @Test
  void labelsChangeNothing() throws Exception {
    byte[] layer = registry.busyboxLayer();
    String plain = registry.push("plain", layer);
    String labelled = registry.push("labelled", layer, Map.of("Labels", RESERVED));
    Seen expected = run(pods.pull(plain));
    assertThat(run(pods.pull(labelled))).isEqualTo(expected);
    assertThat(image(labelled).getPinned()).isFalse();
    assertThat(image(labelled).getSpec().getAnnotationsMap()).isEmpty();
    pods.removeImage(labelled);
    assertThat(image(labelled)).isEqualTo(Image.getDefaultInstance());
  }

  /** What a container looks like from both sides, without what differs from one to the next. */
  private record Seen(String spec, ContainerStatus status) {}

  private Seen run(String imageId) throws IOException {
    PodSandboxConfig config = pods.config("labels");
    String pod = pods.run(config);
    ContainerConfig container = Pods.shell("main", imageId, "exec sleep 1000");
    String id = pods.launch(pod, config, container);
    String spec =
        Files.readString(node.state().resolve("tasks").resolve(id).resolve("config.json"))
            .replace(id, "CONTAINER")
            .replace(pod, "POD")
            .replace(imageId, "IMAGE")
            .replaceAll("127\\.0\\.0\\.1:\\d+/\\w+", "REFERENCE");
    ContainerStatus status =
        pods.status(id).toBuilder()
            .clearId()
            .clearImage()
            .clearImageRef()
            .clearImageId()
            .clearCreatedAt()
            .clearStartedAt()
            .build();
    pods.remove(pod);
    return new Seen(spec, status);
  }

  private Image image(String reference) {
    return node.images()
        .imageStatus(
            ImageStatusRequest.newBuilder()
                .setImage(ImageSpec.newBuilder().setImage(reference))
                .build())
        .getImage();
  }
}
