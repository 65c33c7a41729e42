package dev.berth.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import com.google.protobuf.Message;
import com.google.protobuf.TextFormat;
import dev.berth.proto.cri.v1.AttachRequest;
import dev.berth.proto.cri.v1.AuthConfig;
import dev.berth.proto.cri.v1.CheckpointContainerRequest;
import dev.berth.proto.cri.v1.ContainerConfig;
import dev.berth.proto.cri.v1.ContainerStatsRequest;
import dev.berth.proto.cri.v1.ContainerStatusRequest;
import dev.berth.proto.cri.v1.CreateContainerRequest;
import dev.berth.proto.cri.v1.CreateContainerResponse;
import dev.berth.proto.cri.v1.Device;
import dev.berth.proto.cri.v1.ExecRequest;
import dev.berth.proto.cri.v1.ExecSyncRequest;
import dev.berth.proto.cri.v1.ImageServiceGrpc;
import dev.berth.proto.cri.v1.ImageSpec;
import dev.berth.proto.cri.v1.ImageStatusRequest;
import dev.berth.proto.cri.v1.KeyValue;
import dev.berth.proto.cri.v1.LinuxContainerResources;
import dev.berth.proto.cri.v1.ListContainersRequest;
import dev.berth.proto.cri.v1.Mount;
import dev.berth.proto.cri.v1.PodSandboxConfig;
import dev.berth.proto.cri.v1.PodSandboxStatsRequest;
import dev.berth.proto.cri.v1.PodSandboxStatusRequest;
import dev.berth.proto.cri.v1.PortForwardRequest;
import dev.berth.proto.cri.v1.PullImageRequest;
import dev.berth.proto.cri.v1.RemoveContainerRequest;
import dev.berth.proto.cri.v1.RemovePodSandboxRequest;
import dev.berth.proto.cri.v1.ReopenContainerLogRequest;
import dev.berth.proto.cri.v1.RunPodSandboxRequest;
import dev.berth.proto.cri.v1.RunPodSandboxResponse;
import dev.berth.proto.cri.v1.RuntimeServiceGrpc;
import dev.berth.proto.cri.v1.StartContainerRequest;
import dev.berth.proto.cri.v1.StatusRequest;
import dev.berth.proto.cri.v1.StopContainerRequest;
import dev.berth.proto.cri.v1.StopPodSandboxRequest;
import dev.berth.proto.cri.v1.UpdateContainerResourcesRequest;
import dev.berth.proto.cri.v1.UpdatePodSandboxResourcesRequest;
import dev.berth.testing.RequiresRoot;
import io.grpc.ServiceDescriptor;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/**
 * No message is a bug of the server: good requests, changed at random, are answered or refused with
 * an error that blames the caller, and nothing is left of them.
 *
 * <p>{@code -Dberth.fuzz.requests=N} sends more of them, {@code -Dberth.seed=N} those of a seed
 * that a failure names.
 */
@RequiresRoot
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class ProtobufFuzzTest {
  private static final int REQUESTS = Integer.getInteger("berth.fuzz.requests", 300);
  private static final String NOBODY = "0123456789abcdef";

  /** The kubelet reads the text only under the code UNKNOWN. */
  private static final List<String> KUBELET_REASONS =
      List.of("RegistryUnavailable", "SignatureValidationFailed");

  @TempDir private static Path directory;
  private PodNode started;
  private PodSandboxConfig podConfig;
  private String podId;
  private String containerId;
  private String busybox;
  private List<String> texts;
  private List<Base> bases;

  /** A good request, and what takes back that it was granted. */
  private record Base(ServiceDescriptor service, String verb, Message request, Undo undo) {}

  @FunctionalInterface
  private interface Undo {
    void of(Message answer);
  }

  @BeforeAll
  void start() throws Exception {
    started = PodNode.start(directory);
    pods().warmUp(started.image());
    busybox = started.registry().busybox();
    String _ = pods().pull(busybox); // its files carry the time of making: another image
    podConfig = pods().config("fuzzed");
    podId = pods().run(podConfig);
    containerId = pods().launch(podId, podConfig, container("main"));
    var _ = pods().exec(containerId, 10, "true"); // makes a directory that stays
    String _ = pods().execUrl(containerId, "true"); // and the streaming server listens
    Path data = Files.createDirectories(directory.resolve("data"));
    texts =
        Stream.of(
                "",
                ".",
                "..",
                "/",
                "a/b",
                "0",
                "-1",
                "4294967296",
                "0-1",
                "65536",
                "all",
                "ALL",
                "CAP_SYS_ADMIN",
                "localhost",
                "127.0.0.1",
                "::1",
                "unconfined",
                "rw",
                "/dev/null",
                "e\u0301\ud83d\ude00",
                "x".repeat(300),
                data.toString(),
                "kernel.shm_rmid_forced",
                started.image(),
                "runtime/default",
                "10.0.0.0/33",
                "2MB")
            .filter(text -> !endsWhatIsNeeded(text))
            .toList();
    bases = bases();
  }

  /** An id's prefix will do for an id. */
  private boolean endsWhatIsNeeded(String text) {
    return !text.isEmpty() && (podId.startsWith(text) || containerId.startsWith(text));
  }

  @AfterAll
  void stop() throws IOException {
    started.close();
  }

  private Pods pods() {
    return started.pods();
  }

  @Test
  void everyRequestIsAnsweredOrRefusedAndLeavesNothing() throws IOException {
    HostSnapshot before = HostSnapshot.take(started.node());
    Map<String, String> sysctls = Sysctls.read();
    long first = Long.getLong("berth.seed", System.nanoTime());
    List<String> wrong = new ArrayList<>();
    for (long seed = first; seed < first + REQUESTS; seed++) {
      Base base = bases.get(new Random(seed).nextInt(bases.size()));
      Message request = bounded(new MessageMutator(seed, texts).mutate(base.request));
      String name = "-Dberth.fuzz.requests=1 -Dberth.seed=" + seed + ": " + base.verb;
      tryOne(base, request, what -> wrong.add(name + " " + what + "\n" + shown(request)));
    }
    assertThat(wrong).isEmpty();
    assertThat(pods().exec(containerId, 10, "true").getExitCode()).isZero();
    assertThat(Sysctls.read()).isEqualTo(sysctls);
    before.assertRestored();
  }

  private void tryOne(Base base, Message request, Consumer<String> report) {
    try {
      var method = CriCalls.method(base.service, base.verb);
      base.undo.of(CriCalls.call(started.node().runtime().getChannel(), method, request));
    } catch (StatusRuntimeException e) {
      if (!isAllowed(base, e.getStatus())) {
        report.accept(e.getStatus().toString());
      }
    }
  }

  private static boolean isAllowed(Base base, Status status) {
    String text = String.valueOf(status.getDescription());
    if (text.isEmpty() || text.length() > 4096) {
      return false;
    }
    return switch (status.getCode()) {
      case UNKNOWN -> KUBELET_REASONS.stream().anyMatch(text::startsWith);
      case DEADLINE_EXCEEDED -> base.verb.equals("ExecSync"); // its time-out is in the request
      default -> CriCalls.REFUSED.contains(status.getCode());
    };
  }

  /** An image that is nowhere would be looked for on the network. */
  private Message bounded(Message request) {
    return request instanceof PullImageRequest pull
        ? pull.toBuilder().setImage(image(busybox)).build()
        : request;
  }

  private static String shown(Message request) {
    String text = TextFormat.printer().printToString(request);
    return text.length() > 4000 ? text.substring(0, 4000) + "..." : text;
  }

  private static ImageSpec image(String name) {
    return ImageSpec.newBuilder().setImage(name).build();
  }

  private ContainerConfig container(String name) throws IOException {
    Path source = Files.createDirectories(directory.resolve("volume"));
    ContainerConfig.Builder config =
        Pods.shell(name, started.image(), "exec sleep 1000").toBuilder()
            .addMounts(Mount.newBuilder().setContainerPath("/data").setHostPath(source.toString()))
            .addMounts(
                Mount.newBuilder()
                    .setContainerPath("/image")
                    .setImage(image(started.image()))
                    .setReadonly(true))
            .addDevices(
                Device.newBuilder()
                    .setContainerPath("/dev/nothing")
                    .setHostPath("/dev/null")
                    .setPermissions("rw"))
            .addEnvs(KeyValue.newBuilder().setKey("A").setValue(ByteString.copyFromUtf8("B")))
            .putLabels("a", "b");
    config.getLinuxBuilder().setResources(resources());
    return config.build();
  }

  private static LinuxContainerResources resources() {
    return LinuxContainerResources.newBuilder()
        .setCpuPeriod(100_000)
        .setCpuQuota(50_000)
        .setCpuShares(512)
        .setMemoryLimitInBytes(64 << 20)
        .setOomScoreAdj(900)
        .build();
  }

  private List<Base> bases() throws IOException {
    List<Base> all = new ArrayList<>();
    Undo nothing = _ -> {};
    for (int weight = 0; weight < 8; weight++) {
      all.add(runtime("RunPodSandbox", fuzzedPod(), this::removePod));
      all.add(runtime("CreateContainer", fuzzedContainer(), this::removeContainer));
    }
    otherRequests().forEach((verb, request) -> all.add(runtime(verb, request, nothing)));
    var images = ImageServiceGrpc.getServiceDescriptor();
    all.add(new Base(images, "PullImage", pull(), nothing));
    all.add(
        new Base(
            images,
            "ImageStatus",
            ImageStatusRequest.newBuilder()
                .setImage(image(started.image()))
                .setVerbose(true)
                .build(),
            nothing));
    return all;
  }

  private static Base runtime(String verb, Message request, Undo undo) {
    return new Base(RuntimeServiceGrpc.getServiceDescriptor(), verb, request, undo);
  }

  private Message fuzzedPod() throws IOException {
    PodSandboxConfig config = pods().config("mutant");
    Files.createDirectories(Path.of(config.getLogDirectory()));
    return RunPodSandboxRequest.newBuilder().setConfig(config).build();
  }

  private Message fuzzedContainer() throws IOException {
    return CreateContainerRequest.newBuilder()
        .setPodSandboxId(podId)
        .setConfig(container("mutant"))
        .setSandboxConfig(podConfig)
        .build();
  }

  private Message pull() {
    return PullImageRequest.newBuilder()
        .setAuth(AuthConfig.newBuilder().setUsername("u").setPassword("p"))
        .setSandboxConfig(podConfig)
        .build();
  }

  private void removePod(Message answer) {
    pods().remove(((RunPodSandboxResponse) answer).getPodSandboxId());
  }

  /** Also what was created only has a process, which is started or refused. */
  private void removeContainer(Message answer) {
    String id = ((CreateContainerResponse) answer).getContainerId();
    try {
      pods().start(id);
    } finally {
      pods().removeContainer(id);
    }
  }

  /** Those that end something are sent for what is not there: the pod is needed to the end. */
  private Map<String, Message> otherRequests() {
    return Map.ofEntries(
        Map.entry("Status", StatusRequest.newBuilder().setVerbose(true).build()),
        Map.entry(
            "PodSandboxStatus",
            PodSandboxStatusRequest.newBuilder().setPodSandboxId(podId).setVerbose(true).build()),
        Map.entry(
            "PodSandboxStats", PodSandboxStatsRequest.newBuilder().setPodSandboxId(podId).build()),
        Map.entry(
            "ContainerStatus",
            ContainerStatusRequest.newBuilder()
                .setContainerId(containerId)
                .setVerbose(true)
                .build()),
        Map.entry(
            "ContainerStats",
            ContainerStatsRequest.newBuilder().setContainerId(containerId).build()),
        Map.entry("ListContainers", ListContainersRequest.getDefaultInstance()),
        Map.entry(
            "ExecSync",
            ExecSyncRequest.newBuilder()
                .setContainerId(containerId)
                .addCmd("true")
                .setTimeout(5)
                .build()),
        Map.entry(
            "Exec",
            ExecRequest.newBuilder()
                .setContainerId(containerId)
                .addCmd("true")
                .setStdout(true)
                .build()),
        Map.entry(
            "Attach",
            AttachRequest.newBuilder().setContainerId(containerId).setStdout(true).build()),
        Map.entry(
            "PortForward",
            PortForwardRequest.newBuilder().setPodSandboxId(podId).addPort(80).build()),
        Map.entry(
            "UpdateContainerResources",
            UpdateContainerResourcesRequest.newBuilder()
                .setContainerId(containerId)
                .setLinux(resources())
                .build()),
        Map.entry(
            "UpdatePodSandboxResources",
            UpdatePodSandboxResourcesRequest.newBuilder()
                .setPodSandboxId(podId)
                .setResources(resources())
                .build()),
        Map.entry(
            "ReopenContainerLog",
            ReopenContainerLogRequest.newBuilder().setContainerId(containerId).build()),
        Map.entry(
            "CheckpointContainer",
            CheckpointContainerRequest.newBuilder()
                .setContainerId(NOBODY)
                .setLocation(directory.resolve("checkpoint.tar").toString())
                .build()),
        Map.entry(
            "StartContainer", StartContainerRequest.newBuilder().setContainerId(NOBODY).build()),
        Map.entry(
            "StopContainer",
            StopContainerRequest.newBuilder().setContainerId(NOBODY).setTimeout(1).build()),
        Map.entry(
            "RemoveContainer", RemoveContainerRequest.newBuilder().setContainerId(NOBODY).build()),
        Map.entry(
            "StopPodSandbox", StopPodSandboxRequest.newBuilder().setPodSandboxId(NOBODY).build()),
        Map.entry(
            "RemovePodSandbox",
            RemovePodSandboxRequest.newBuilder().setPodSandboxId(NOBODY).build()));
  }
}
