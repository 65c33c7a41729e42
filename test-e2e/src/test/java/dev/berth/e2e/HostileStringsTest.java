package dev.berth.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import com.google.protobuf.Message;
import dev.berth.proto.cri.v1.AuthConfig;
import dev.berth.proto.cri.v1.ContainerConfig;
import dev.berth.proto.cri.v1.ContainerStatusRequest;
import dev.berth.proto.cri.v1.CreateContainerRequest;
import dev.berth.proto.cri.v1.CreateContainerResponse;
import dev.berth.proto.cri.v1.Device;
import dev.berth.proto.cri.v1.ExecRequest;
import dev.berth.proto.cri.v1.ExecSyncRequest;
import dev.berth.proto.cri.v1.ImageServiceGrpc;
import dev.berth.proto.cri.v1.ImageSpec;
import dev.berth.proto.cri.v1.KeyValue;
import dev.berth.proto.cri.v1.LinuxContainerResources;
import dev.berth.proto.cri.v1.Mount;
import dev.berth.proto.cri.v1.NamespaceMode;
import dev.berth.proto.cri.v1.PodSandboxConfig;
import dev.berth.proto.cri.v1.PodSandboxStatusRequest;
import dev.berth.proto.cri.v1.PullImageRequest;
import dev.berth.proto.cri.v1.RunPodSandboxRequest;
import dev.berth.proto.cri.v1.RunPodSandboxResponse;
import dev.berth.proto.cri.v1.RuntimeServiceGrpc;
import dev.berth.proto.cri.v1.UpdateContainerResourcesRequest;
import dev.berth.testing.RequiresRoot;
import io.grpc.MethodDescriptor;
import io.grpc.ServiceDescriptor;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * No string in any field of any request is more than data (R8, R9, R11): it is carried as it is, or
 * refused with an error that blames the caller, and changes nothing on the host.
 */
@RequiresRoot
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class HostileStringsTest {
  /** Calls of weight have a test each. */
  private static final Set<String> OWN_TEST =
      Set.of("RunPodSandbox", "CreateContainer", "PullImage", "GetContainerEvents");

  private static final String PADDING = "x".repeat(1 << 20);

  @TempDir private static Path directory;
  private PodNode started;
  private String podId;
  private PodSandboxConfig podConfig;
  private String containerId;
  private String busybox;
  private List<String> strings;

  @BeforeAll
  void start() throws Exception {
    started = PodNode.start(directory);
    pods().warmUp(started.image());
    busybox = started.registry().busybox();
    String _ = pods().pull(busybox); // its files carry the time of making: another image
    podConfig = hostNetwork(pods().config("victim"));
    podId = pods().run(podConfig);
    containerId = pods().launch(podId, podConfig, container("main"));
    var _ = pods().exec(containerId, 10, "true"); // makes a directory that stays
    String _ = pods().execUrl(containerId, "true"); // and the streaming server listens
    String canary = "../../../../../../tmp/" + started.node().instance() + "-canary";
    strings =
        List.of(
            canary,
            "..",
            "a/../../b",
            "a\nb",
            "a\0b",
            "a:b:c",
            "a,b",
            "kernel.core_pattern=|/bin/false+kernel.hostname=x",
            "a=b",
            "${PATH} $(id) `id`",
            "\u001b[2J\u202e",
            PADDING);
  }

  @AfterAll
  void stop() throws IOException {
    started.close();
  }

  private Pods pods() {
    return started.pods();
  }

  private static PodSandboxConfig hostNetwork(PodSandboxConfig config) {
    PodSandboxConfig.Builder builder = config.toBuilder().clearHostname();
    builder
        .getLinuxBuilder()
        .getSecurityContextBuilder()
        .getNamespaceOptionsBuilder()
        .setNetwork(NamespaceMode.NODE);
    return builder.build();
  }

  private ContainerConfig container(String name) throws IOException {
    Path source = Files.createDirectories(directory.resolve("volume"));
    ContainerConfig.Builder config =
        Pods.shell(name, started.image(), "exec sleep 1000").toBuilder()
            .addMounts(Mount.newBuilder().setContainerPath("/data").setHostPath(source.toString()))
            .addDevices(
                Device.newBuilder()
                    .setContainerPath("/dev/nothing")
                    .setHostPath("/dev/null")
                    .setPermissions("rw"))
            .addEnvs(KeyValue.newBuilder().setKey("A").setValue(ByteString.copyFromUtf8("B")));
    config
        .getLinuxBuilder()
        .getSecurityContextBuilder()
        .getNamespaceOptionsBuilder()
        .setNetwork(NamespaceMode.NODE);
    return config.build();
  }

  @Test
  void aPodIsWhatItsStringsSayOrIsRefused() throws Exception {
    PodSandboxConfig config = hostNetwork(pods().config("hostile"));
    Files.createDirectories(Path.of(config.getLogDirectory()));
    tryAll(
        "RunPodSandbox",
        RuntimeServiceGrpc.getServiceDescriptor(),
        RunPodSandboxRequest.newBuilder().setConfig(config).build(),
        (request, answer) -> {
          PodSandboxConfig sent = ((RunPodSandboxRequest) request).getConfig();
          String id = ((RunPodSandboxResponse) answer).getPodSandboxId();
          var status =
              started
                  .node()
                  .runtime()
                  .podSandboxStatus(
                      PodSandboxStatusRequest.newBuilder().setPodSandboxId(id).build())
                  .getStatus();
          pods().remove(id);
          return status.getLabelsMap().equals(sent.getLabelsMap())
              && status.getAnnotationsMap().equals(sent.getAnnotationsMap())
              && status.getMetadata().equals(sent.getMetadata());
        });
  }

  @Test
  void aPodWithANetworkIsTooForWhatConcernsIt() throws Exception {
    PodSandboxConfig config = pods().config("hostile-net");
    Files.createDirectories(Path.of(config.getLogDirectory()));
    tryAll(
        "RunPodSandbox",
        RuntimeServiceGrpc.getServiceDescriptor(),
        RunPodSandboxRequest.newBuilder().setConfig(config).build(),
        Set.of(
            "config.hostname",
            "config.metadata.name",
            "config.metadata.namespace",
            "config.metadata.uid",
            "config.dns_config.servers",
            "config.dns_config.searches",
            "config.dns_config.options",
            "config.port_mappings.host_ip",
            "config.annotations(key)",
            "config.annotations(value)",
            "config.linux.sysctls(key)",
            "config.linux.sysctls(value)"),
        (_, answer) -> {
          pods().remove(((RunPodSandboxResponse) answer).getPodSandboxId());
          return true;
        });
  }

  @Test
  void aContainerIsWhatItsStringsSayOrIsRefused() throws Exception {
    tryAll(
        "CreateContainer",
        RuntimeServiceGrpc.getServiceDescriptor(),
        CreateContainerRequest.newBuilder()
            .setPodSandboxId(podId)
            .setConfig(container("hostile"))
            .setSandboxConfig(podConfig)
            .build(),
        (request, answer) -> {
          ContainerConfig sent = ((CreateContainerRequest) request).getConfig();
          String id = ((CreateContainerResponse) answer).getContainerId();
          try {
            pods().start(id);
            var status = pods().status(id);
            return status.getLabelsMap().equals(sent.getLabelsMap())
                && status.getAnnotationsMap().equals(sent.getAnnotationsMap())
                && status.getMetadata().equals(sent.getMetadata());
          } finally {
            pods().removeContainer(id);
          }
        });
  }

  @Test
  void aPullIsRefusedOrGetsTheImage() throws Exception {
    tryAll(
        "PullImage",
        ImageServiceGrpc.getServiceDescriptor(),
        PullImageRequest.newBuilder()
            .setImage(ImageSpec.newBuilder().setImage(busybox))
            .setAuth(AuthConfig.newBuilder().setUsername("u").setPassword("p"))
            .build(),
        (_, _) -> true);
  }

  static Stream<String> otherCalls() {
    return Stream.of(
            RuntimeServiceGrpc.getServiceDescriptor(), ImageServiceGrpc.getServiceDescriptor())
        .flatMap(service -> service.getMethods().stream())
        .map(method -> method.getFullMethodName())
        .filter(name -> !OWN_TEST.contains(name.substring(name.indexOf('/') + 1)));
  }

  @ParameterizedTest
  @MethodSource("otherCalls")
  void everyOtherCallRefusesOrAnswers(String fullName) throws Exception {
    ServiceDescriptor service =
        fullName.contains("ImageService")
            ? ImageServiceGrpc.getServiceDescriptor()
            : RuntimeServiceGrpc.getServiceDescriptor();
    String name = fullName.substring(fullName.indexOf('/') + 1);
    Message prototype = CriCalls.prototype(CriCalls.method(service, name));
    tryAll(name, service, bases().getOrDefault(name, prototype), (_, _) -> true);
  }

  /** Requests that come so far that the other strings in them matter. */
  private Map<String, Message> bases() {
    return Map.of(
        "ExecSync", ExecSyncRequest.newBuilder().setContainerId(containerId).addCmd("true").build(),
        "Exec",
            ExecRequest.newBuilder()
                .setContainerId(containerId)
                .addCmd("true")
                .setStdout(true)
                .build(),
        "UpdateContainerResources",
            UpdateContainerResourcesRequest.newBuilder()
                .setContainerId(containerId)
                .setLinux(LinuxContainerResources.newBuilder().setCpuShares(512))
                .build(),
        "ContainerStatus",
            ContainerStatusRequest.newBuilder()
                .setContainerId(containerId)
                .setVerbose(true)
                .build());
  }

  /** Looks at what a call did, undoes it, and tells whether all was carried as it came. */
  private interface Outcome {
    boolean isCarried(Message request, Message answer);
  }

  private void tryAll(String name, ServiceDescriptor service, Message base, Outcome outcome)
      throws IOException {
    tryAll(name, service, base, Set.of(), outcome);
  }

  private void tryAll(
      String name, ServiceDescriptor service, Message base, Set<String> only, Outcome outcome)
      throws IOException {
    HostSnapshot before = HostSnapshot.take(started.node());
    Map<String, String> sysctls = Sysctls.read();
    List<String> wrong = new ArrayList<>();
    for (StringField field : StringField.of(base)) {
      if (only.isEmpty() || only.contains(field.path())) {
        for (String text : strings) {
          Message request = field.with().apply(text);
          Consumer<String> report = what -> wrong.add(field.path() + "=" + shown(text) + what);
          tryOne(CriCalls.method(service, name), request, outcome, report);
        }
      }
    }
    assertThat(wrong).isEmpty();
    assertThat(Sysctls.read()).isEqualTo(sysctls);
    before.assertRestored();
  }

  private void tryOne(
      MethodDescriptor<Message, Message> method,
      Message request,
      Outcome outcome,
      Consumer<String> report) {
    try {
      Message answer = CriCalls.call(started.node().runtime().getChannel(), method, request);
      if (!outcome.isCarried(request, answer)) {
        report.accept(": was not carried as it came");
      }
    } catch (StatusRuntimeException e) {
      Status status = e.getStatus();
      if (!CriCalls.REFUSED.contains(status.getCode())) {
        report.accept(": " + shown(status.toString()));
      } else if (status.getDescription() == null || status.getDescription().length() > 4096) {
        report.accept(": error of " + String.valueOf(status.getDescription()).length() + " bytes");
      }
    }
  }

  private static String shown(String text) {
    String head = text.length() > 300 ? text.substring(0, 300) + "..." : text;
    return "\"" + head.replace("\n", "\\n").replace("\0", "\\0") + "\"";
  }
}
