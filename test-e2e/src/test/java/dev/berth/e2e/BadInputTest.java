package dev.berth.e2e;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.proto.cri.v1.ContainerConfig;
import dev.berth.proto.cri.v1.LinuxContainerSecurityContext;
import dev.berth.proto.cri.v1.PodSandboxConfig;
import dev.berth.proto.cri.v1.RunPodSandboxRequest;
import dev.berth.testing.RequiresRoot;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Bad input is one error that names it, with the right code, and leaves nothing on the host. */
@RequiresRoot
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class BadInputTest {
  @TempDir private static Path directory;
  private PrivateHost host;
  private TestRegistry registry;
  private BerthNode node;
  private Pods pods;
  private String image;

  @BeforeAll
  void start() throws Exception {
    host = new PrivateHost(directory.resolve("host"));
    registry = new TestRegistry(directory.resolve("registry"));
    node = BerthNode.start(directory, host);
    pods = new Pods(node);
    image = pods.pull(registry.busybox());
    pods.warmUp(image);
  }

  @AfterAll
  void stop() throws IOException {
    node.close();
    registry.close();
    host.close();
  }

  private void assertRefused(ThrowingCallable call, Status.Code code, String... words) {
    HostSnapshot before = HostSnapshot.take(node);
    assertThatThrownBy(call)
        .isInstanceOfSatisfying(
            StatusRuntimeException.class,
            e -> {
              assertThat(e.getStatus().getCode()).as(e.getMessage()).isEqualTo(code);
              assertThat(e.getStatus().getDescription()).contains(words);
            });
    before.assertRestored();
  }

  private PodSandboxConfig pod(String name) throws IOException {
    PodSandboxConfig config = pods.config(name);
    Files.createDirectories(Path.of(config.getLogDirectory()));
    return config;
  }

  @Test
  void unknownRuntimeHandlerIsNamed() throws IOException {
    PodSandboxConfig config = pod("handler");
    assertRefused(
        () ->
            node.runtime()
                .runPodSandbox(
                    RunPodSandboxRequest.newBuilder()
                        .setConfig(config)
                        .setRuntimeHandler("kata")
                        .build()),
        Status.Code.NOT_FOUND,
        "runtime_handler",
        "kata");
  }

  @Test
  void manifestThatLiesAboutALayerIsRefused() throws Exception {
    byte[] config = "{\"architecture\": \"amd64\", \"os\": \"linux\"}".getBytes(UTF_8);
    registry.pushManifest(
        "liar",
        """
        {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
         "config": {"mediaType": "application/vnd.oci.image.config.v1+json",
                    "digest": "%s", "size": %d}, "layers": []}\
        """
            .formatted(registry.upload("liar", config), config.length + 1)
            .getBytes(UTF_8));
    assertRefused(
        () -> pods.pull(registry.reference("liar")),
        Status.Code.INVALID_ARGUMENT,
        "liar",
        "its descriptor says");
  }

  @ParameterizedTest
  @ValueSource(strings = {"UPPER", "a//b", "busybox:", "busybox@sha256:123", ""})
  void badImageReferenceIsRefused(String reference) {
    assertRefused(() -> pods.pull(reference), Status.Code.INVALID_ARGUMENT, "image");
  }

  @ParameterizedTest
  @ValueSource(strings = {"../escape", "a/b", "with\nnewline", ""})
  void hostilePodNameIsRefused(String name) throws IOException {
    PodSandboxConfig good = pod("hostile");
    PodSandboxConfig config =
        good.toBuilder().setMetadata(good.getMetadata().toBuilder().setName(name)).build();
    assertRefused(() -> pods.run(config), Status.Code.INVALID_ARGUMENT, "metadata.name");
  }

  @ParameterizedTest
  @ValueSource(strings = {"4294967296", "-1", "nobody-like-that", "0\nroot"})
  void hostileUserIsRefused(String user) throws IOException {
    PodSandboxConfig config = pod("user");
    String id = pods.run(config);
    ContainerConfig good = Pods.shell("main", image, "id");
    ContainerConfig container =
        good.toBuilder()
            .setLinux(
                good.getLinux().toBuilder()
                    .setSecurityContext(
                        LinuxContainerSecurityContext.newBuilder().setRunAsUsername(user)))
            .build();
    try {
      assertRefused(() -> pods.create(id, config, container), Status.Code.INVALID_ARGUMENT, "user");
    } finally {
      pods.remove(id);
    }
  }

  @Test
  void logPathOutsideOfTheLogDirectoryIsRefused() throws IOException {
    PodSandboxConfig config = pod("log-path");
    String id = pods.run(config);
    ContainerConfig container =
        Pods.shell("main", image, "id").toBuilder().setLogPath("../../escape.log").build();
    try {
      assertRefused(
          () -> pods.create(id, config, container), Status.Code.INVALID_ARGUMENT, "log_path");
    } finally {
      pods.remove(id);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "no-such-program, executable file not found in $PATH",
    "/no/such/program, no such file or directory",
    "/bin, permission denied"
  })
  void programThatCannotBeExecutedIsNamed(String program, String reason) throws IOException {
    PodSandboxConfig config = pod("program");
    String pod = pods.run(config);
    ContainerConfig container =
        Pods.shell("main", image, "").toBuilder().clearCommand().addCommand(program).build();
    String id = pods.create(pod, config, container);
    try {
      assertThatThrownBy(() -> pods.start(id))
          .isInstanceOf(StatusRuntimeException.class)
          .hasMessageContaining("process.args[0]: exec \"" + program + "\": " + reason);
    } finally {
      pods.remove(pod);
    }
  }
}
