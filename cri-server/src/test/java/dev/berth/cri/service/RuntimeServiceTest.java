package dev.berth.cri.service;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.berth.base.Operation;
import dev.berth.cri.config.BerthConfig;
import dev.berth.cri.config.SocketAccess;
import dev.berth.cri.rpc.CriChannel;
import dev.berth.cri.rpc.UnixSocketServer;
import dev.berth.proto.cri.v1.AttachRequest;
import dev.berth.proto.cri.v1.CgroupDriver;
import dev.berth.proto.cri.v1.CheckpointContainerRequest;
import dev.berth.proto.cri.v1.Container;
import dev.berth.proto.cri.v1.ContainerConfig;
import dev.berth.proto.cri.v1.ContainerFilter;
import dev.berth.proto.cri.v1.ContainerMetadata;
import dev.berth.proto.cri.v1.ContainerStateValue;
import dev.berth.proto.cri.v1.ContainerStatsRequest;
import dev.berth.proto.cri.v1.ContainerStatus;
import dev.berth.proto.cri.v1.ContainerStatusRequest;
import dev.berth.proto.cri.v1.CreateContainerRequest;
import dev.berth.proto.cri.v1.ExecRequest;
import dev.berth.proto.cri.v1.ExecSyncRequest;
import dev.berth.proto.cri.v1.ImageSpec;
import dev.berth.proto.cri.v1.LinuxContainerResources;
import dev.berth.proto.cri.v1.LinuxPodSandboxConfig;
import dev.berth.proto.cri.v1.LinuxSandboxSecurityContext;
import dev.berth.proto.cri.v1.ListContainersRequest;
import dev.berth.proto.cri.v1.ListMetricDescriptorsRequest;
import dev.berth.proto.cri.v1.ListPodSandboxMetricsRequest;
import dev.berth.proto.cri.v1.ListPodSandboxRequest;
import dev.berth.proto.cri.v1.ListPodSandboxStatsRequest;
import dev.berth.proto.cri.v1.Metric;
import dev.berth.proto.cri.v1.MetricDescriptor;
import dev.berth.proto.cri.v1.Mount;
import dev.berth.proto.cri.v1.NamespaceMode;
import dev.berth.proto.cri.v1.NamespaceOption;
import dev.berth.proto.cri.v1.PodSandboxConfig;
import dev.berth.proto.cri.v1.PodSandboxFilter;
import dev.berth.proto.cri.v1.PodSandboxMetadata;
import dev.berth.proto.cri.v1.PodSandboxState;
import dev.berth.proto.cri.v1.PodSandboxStateValue;
import dev.berth.proto.cri.v1.PodSandboxStatusRequest;
import dev.berth.proto.cri.v1.PortForwardRequest;
import dev.berth.proto.cri.v1.RunPodSandboxRequest;
import dev.berth.proto.cri.v1.RuntimeCondition;
import dev.berth.proto.cri.v1.RuntimeConfigRequest;
import dev.berth.proto.cri.v1.RuntimeHandler;
import dev.berth.proto.cri.v1.RuntimeServiceGrpc;
import dev.berth.proto.cri.v1.RuntimeServiceGrpc.RuntimeServiceBlockingStub;
import dev.berth.proto.cri.v1.Signal;
import dev.berth.proto.cri.v1.StatusRequest;
import dev.berth.proto.cri.v1.StopContainerRequest;
import dev.berth.proto.cri.v1.StreamContainerStatsRequest;
import dev.berth.proto.cri.v1.StreamPodSandboxMetricsRequest;
import dev.berth.proto.cri.v1.UpdatePodSandboxResourcesRequest;
import dev.berth.proto.cri.v1.VersionRequest;
import dev.berth.sandbox.ContainerState;
import dev.berth.sandbox.NetworkStatus;
import dev.berth.sandbox.SandboxState;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RuntimeServiceTest {
  private static final PodSandboxConfig POD =
      PodSandboxConfig.newBuilder()
          .setMetadata(PodSandboxMetadata.newBuilder().setName("p").setNamespace("n").setUid("u"))
          .putLabels("l", "1")
          .putAnnotations("a", "2")
          .setLinux(
              LinuxPodSandboxConfig.newBuilder()
                  .setSecurityContext(
                      LinuxSandboxSecurityContext.newBuilder()
                          .setNamespaceOptions(
                              NamespaceOption.newBuilder().setPid(NamespaceMode.CONTAINER))))
          .build();
  private static final ContainerConfig CONTAINER =
      ContainerConfig.newBuilder()
          .setMetadata(ContainerMetadata.newBuilder().setName("app"))
          .setImage(ImageSpec.newBuilder().setImage("sha256:1").setUserSpecifiedImage("app"))
          .addMounts(Mount.newBuilder().setHostPath("/h").setContainerPath("/c"))
          .build();

  /** What the fake's figures lack. */
  private static final Set<String> WITHOUT_FIGURE =
      Set.of(
          "container_pressure_memory_waiting_seconds_total",
          "container_pressure_memory_stalled_seconds_total",
          "container_pressure_io_waiting_seconds_total",
          "container_pressure_io_stalled_seconds_total",
          "container_spec_cpu_quota");

  @TempDir private Path dir;
  private final FakeSandboxes sandboxes = new FakeSandboxes();
  private final FakeContainers containers = new FakeContainers();
  private NetworkStatus network = new NetworkStatus(false, "NoConfig", "no CNI configuration");
  private UnixSocketServer server;
  private CriChannel channel;
  private RuntimeServiceBlockingStub cri;

  @BeforeEach
  void start() throws Exception {
    var node =
        new NodeVerbs(
            BerthConfig.load(List.of("--config=")), "1.2.3", () -> network, () -> true, Map::of);
    Path socket = dir.resolve("cri.sock");
    server =
        UnixSocketServer.start(
            socket,
            new SocketAccess(0600, "0"),
            List.of(
                new RuntimeService(
                        node,
                        sandboxes,
                        containers,
                        new FakeUsage(sandboxes, containers),
                        FakeEvents::new,
                        new StreamVerbs(new FakeStreams(), request -> "http://" + request.path()))
                    .definition()));
    channel = CriChannel.to(socket);
    cri = RuntimeServiceGrpc.newBlockingStub(channel.channel());
  }

  @AfterEach
  void stop() throws Exception {
    channel.close();
    server.close();
  }

  @Test
  void versionIsWhatTheKubeletInsistsOn() {
    var version = cri.version(VersionRequest.newBuilder().setVersion("0.1.0").build());
    assertThat(version.getVersion()).isEqualTo("0.1.0");
    assertThat(version.getRuntimeName()).isEqualTo("berth");
    assertThat(version.getRuntimeVersion()).isEqualTo("1.2.3");
    assertThat(version.getRuntimeApiVersion()).isEqualTo("v1");
  }

  @Test
  void statusHasBothConditionsAndAnEntryForTheDefaultHandler() {
    var status = cri.status(StatusRequest.newBuilder().setVerbose(true).build());
    assertThat(status.getStatus().getConditionsList())
        .containsExactly(
            RuntimeCondition.newBuilder().setType("RuntimeReady").setStatus(true).build(),
            RuntimeCondition.newBuilder()
                .setType("NetworkReady")
                .setReason("NoConfig")
                .setMessage("no CNI configuration")
                .build());
    assertThat(status.getRuntimeHandlersList())
        .extracting(RuntimeHandler::getName)
        .containsExactly("", "berth");
    assertThat(status.getInfoMap().get("config")).contains("\"stateDir\":\"/run/berth\"");
    assertThat(status.getInfoMap().get("cniconfig"))
        .contains("\"PluginConfDir\":\"/etc/cni/net.d\"", "\"Prefix\":\"eth\"");
    assertThat(status.getInfoMap()).containsEntry("lastCNILoadStatus", "no CNI configuration");
  }

  @Test
  void runtimeConfigTellsTheCgroupDriver() {
    assertThat(
            cri.runtimeConfig(RuntimeConfigRequest.getDefaultInstance())
                .getLinux()
                .getCgroupDriver())
        .isEqualTo(CgroupDriver.CGROUPFS);
    var systemd =
        new NodeVerbs(
            BerthConfig.load(List.of("--config=", "--cgroup-driver=systemd")),
            "1.2.3",
            () -> network,
            () -> true,
            Map::of);
    assertThat(
            systemd
                .runtimeConfig(
                    RuntimeConfigRequest.getDefaultInstance(), Operation.internal("RuntimeConfig"))
                .getLinux()
                .getCgroupDriver())
        .isEqualTo(CgroupDriver.SYSTEMD);
  }

  private String runPod() {
    return cri.runPodSandbox(
            RunPodSandboxRequest.newBuilder().setConfig(POD).setRuntimeHandler("h").build())
        .getPodSandboxId();
  }

  @Test
  void podIsEchoedAsItCame() {
    assertThat(runPod()).isEqualTo("id-1");
    var reply =
        cri.podSandboxStatus(
            PodSandboxStatusRequest.newBuilder().setPodSandboxId("id-1").setVerbose(true).build());
    var status = reply.getStatus();
    assertThat(status.getMetadata()).isEqualTo(POD.getMetadata());
    assertThat(status.getLabelsMap()).isEqualTo(Map.of("l", "1"));
    assertThat(status.getAnnotationsMap()).isEqualTo(Map.of("a", "2"));
    assertThat(status.getRuntimeHandler()).isEqualTo("h");
    assertThat(status.getCreatedAt()).isEqualTo(1_800_000_000_000_000_007L);
    assertThat(status.getNetwork().getIp()).isEqualTo("10.0.0.2");
    assertThat(status.getNetwork().getAdditionalIps(0).getIp()).isEqualTo("fd00::2");
    assertThat(status.getLinux().getNamespaces().getOptions())
        .isEqualTo(POD.getLinux().getSecurityContext().getNamespaceOptions());
    assertThat(reply.getInfoMap().get("info"))
        .contains("\"cniResult\":{\"ips\":[]}")
        .contains("\"pid\":4711", "\"runtimeType\":\"io.containerd.berth.v2\"")
        .contains("\"config\":{\"metadata\":{\"name\":\"p\",\"uid\":\"u\"")
        .contains("\"namespace_options\":{\"pid\":1}")
        .doesNotContain("runtimeSpec");
  }

  @Test
  void podFilterIsPassedOn() {
    runPod();
    var filter =
        PodSandboxFilter.newBuilder()
            .setId("id")
            .setState(PodSandboxStateValue.newBuilder().setState(PodSandboxState.SANDBOX_NOTREADY))
            .putLabelSelector("l", "1");
    var items =
        cri.listPodSandbox(ListPodSandboxRequest.newBuilder().setFilter(filter).build())
            .getItemsList();
    assertThat(items).hasSize(1);
    assertThat(items.getFirst().getRuntimeHandler()).isEqualTo("h");
    assertThat(sandboxes.filter)
        .isEqualTo(
            new dev.berth.sandbox.SandboxFilter(
                Optional.of("id"), Optional.of(SandboxState.NOT_READY), Map.of("l", "1")));
  }

  @Test
  void unknownPodIsNotFound() {
    assertThatThrownBy(() -> cri.podSandboxStatus(PodSandboxStatusRequest.getDefaultInstance()))
        .isInstanceOfSatisfying(
            StatusRuntimeException.class,
            e -> assertThat(e.getStatus().getCode()).isEqualTo(Status.Code.NOT_FOUND));
  }

  @Test
  void whatAnUpdateOfAPodDoesNotSayStaysAsItIs() {
    var resources = LinuxContainerResources.newBuilder().setCpuShares(2);
    var _ =
        cri.updatePodSandboxResources(
            UpdatePodSandboxResourcesRequest.newBuilder()
                .setPodSandboxId("id-1")
                .setResources(resources)
                .build());
    assertThat(sandboxes.calls).containsExactly("update id-1 false true");
  }

  @Test
  void requestWithoutMetadataIsRefusedByName() {
    assertThatThrownBy(() -> cri.runPodSandbox(RunPodSandboxRequest.getDefaultInstance()))
        .hasMessage("INVALID_ARGUMENT: config.metadata is missing");
    assertThat(sandboxes.calls).isEmpty();
  }

  private void createContainer() {
    cri.createContainer(
        CreateContainerRequest.newBuilder().setPodSandboxId("id-1").setConfig(CONTAINER).build());
  }

  private ContainerStatus containerStatus() {
    return cri.containerStatus(ContainerStatusRequest.newBuilder().setContainerId("c-1").build())
        .getStatus();
  }

  @Test
  void containerIsEchoedAsItCame() {
    createContainer();
    ContainerStatus status = containerStatus();
    assertThat(status.getState())
        .isEqualTo(dev.berth.proto.cri.v1.ContainerState.CONTAINER_CREATED);
    assertThat(status.getMountsList()).isEqualTo(CONTAINER.getMountsList());
    assertThat(status.getImage().getImage()).isEqualTo("app:1");
    assertThat(status.getImage().getUserSpecifiedImage()).isEqualTo("app");
    assertThat(status.getImageId()).isEqualTo("sha256:1");
    assertThat(status.getImageRef()).isEqualTo("app@sha256:2");
    assertThat(status.getLogPath()).isEqualTo("/logs/app.log");
    assertThat(status.getUser().getLinux().getUid()).isEqualTo(1000);
    assertThat(status.getStopSignal()).isEqualTo(Signal.SIGNAL_SIGTERM);
    assertThat(status.getStartedAt()).isZero();
    assertThat(status.getFinishedAt()).isZero();
  }

  @Test
  void toolsAreToldWhatAContainerWasMadeFrom() {
    createContainer();
    var reply =
        cri.containerStatus(
            ContainerStatusRequest.newBuilder().setContainerId("c-1").setVerbose(true).build());
    JsonObject info = JsonParser.parseString(reply.getInfoOrThrow("info")).getAsJsonObject();
    assertThat(info.get("pid").getAsInt()).isZero();
    assertThat(info.get("removing").getAsBoolean()).isFalse();
    assertThat(info.get("runtimeType").getAsString()).isEqualTo("io.containerd.berth.v2");
    assertThat(info.getAsJsonObject("runtimeSpec").get("hostname").getAsString())
        .isEqualTo("inside");
    assertThat(info.getAsJsonObject("config").getAsJsonArray("mounts").toString())
        .isEqualTo("[{\"container_path\":\"/c\",\"host_path\":\"/h\"}]");
  }

  @Test
  void exitIsToldWithItsTimes() {
    createContainer();
    containers.state =
        new ContainerState.Exited(
            FakeContainers.CREATED_AT,
            FakeContainers.CREATED_AT.plusSeconds(1),
            FakeContainers.CREATED_AT.plusSeconds(2),
            137,
            "OOMKilled",
            "out of memory");
    ContainerStatus status = containerStatus();
    assertThat(status.getState()).isEqualTo(dev.berth.proto.cri.v1.ContainerState.CONTAINER_EXITED);
    assertThat(status.getFinishedAt() - status.getStartedAt()).isEqualTo(1_000_000_000L);
    assertThat(status.getExitCode()).isEqualTo(137);
    assertThat(status.getReason()).isEqualTo("OOMKilled");
    assertThat(status.getMessage()).isEqualTo("out of memory");
  }

  @Test
  void podStatusHasItsContainersAndTheTimeBeforeTheyWereRead() {
    long before = Instant.now().getEpochSecond();
    runPod();
    createContainer();
    var reply =
        cri.podSandboxStatus(PodSandboxStatusRequest.newBuilder().setPodSandboxId("id-1").build());
    assertThat(reply.getContainersStatusesList()).containsExactly(containerStatus());
    assertThat(reply.getTimestamp()).isBetween(before * 1_000_000_000L, Times.nanos(Instant.now()));
    assertThat(containers.filter).isEqualTo(dev.berth.sandbox.ContainerFilter.ofSandbox("id-1"));
  }

  @Test
  void containerFilterIsPassedOn() {
    createContainer();
    var filter =
        ContainerFilter.newBuilder()
            .setPodSandboxId("id-1")
            .setState(
                ContainerStateValue.newBuilder()
                    .setState(dev.berth.proto.cri.v1.ContainerState.CONTAINER_RUNNING));
    List<Container> found =
        cri.listContainers(ListContainersRequest.newBuilder().setFilter(filter).build())
            .getContainersList();
    assertThat(found).extracting(Container::getImageId).containsExactly("sha256:1");
    assertThat(containers.filter)
        .isEqualTo(
            new dev.berth.sandbox.ContainerFilter(
                Optional.empty(),
                Optional.of("id-1"),
                Optional.of(ContainerState.Running.class),
                Map.of()));
  }

  @Test
  void execAndStopPassTheirTimes() {
    var result =
        cri.execSync(
            ExecSyncRequest.newBuilder()
                .setContainerId("c-1")
                .addCmd("true")
                .setTimeout(5)
                .build());
    assertThat(result.getExitCode()).isEqualTo(3);
    assertThat(result.getStdout().toStringUtf8()).isEqualTo("out");
    assertThat(result.getStderr().toStringUtf8()).isEqualTo("err");
    cri.stopContainer(
        StopContainerRequest.newBuilder().setContainerId("c-1").setTimeout(-1).build());
    assertThat(containers.calls).containsExactly("exec c-1 [true] PT5S", "stop c-1 PT0S");
    assertThatThrownBy(
            () -> cri.execSync(ExecSyncRequest.newBuilder().setContainerId("c-1").build()))
        .hasMessage("INVALID_ARGUMENT: cmd is missing");
  }

  @Test
  void timesThatNoClockCountsMeanAYear() {
    var _ =
        cri.execSync(
            ExecSyncRequest.newBuilder()
                .setContainerId("c-1")
                .addCmd("true")
                .setTimeout(Long.MAX_VALUE)
                .build());
    var _ =
        cri.stopContainer(
            StopContainerRequest.newBuilder()
                .setContainerId("c-1")
                .setTimeout(Long.MAX_VALUE)
                .build());
    var _ =
        cri.checkpointContainer(
            CheckpointContainerRequest.newBuilder()
                .setContainerId("c-1")
                .setLocation("/c.tar")
                .setTimeout(Long.MIN_VALUE)
                .build());
    assertThat(containers.calls)
        .containsExactly(
            "exec c-1 [true] PT8760H", "stop c-1 PT8760H", "checkpoint c-1 /c.tar PT0S");
  }

  @Test
  void checkpointPassesLocationAndTime() {
    var request =
        CheckpointContainerRequest.newBuilder()
            .setContainerId("c-1")
            .setLocation("/checkpoints/c.tar");
    var _ = cri.checkpointContainer(request.setTimeout(120).build());
    assertThat(containers.calls).containsExactly("checkpoint c-1 /checkpoints/c.tar PT2M");
    assertThatThrownBy(() -> cri.checkpointContainer(request.clearLocation().build()))
        .hasMessage("INVALID_ARGUMENT: location is missing");
  }

  @Test
  void containerStatsHaveEveryFigureThatTheHostHas() {
    containers.config = CONTAINER;
    var stats =
        cri.containerStats(ContainerStatsRequest.newBuilder().setContainerId("c-1").build())
            .getStats();
    long at = FakeUsage.AT.toEpochMilli() * 1_000_000;
    assertThat(stats.getAttributes().getId()).isEqualTo("c-1");
    assertThat(stats.getCpu().getTimestamp()).isEqualTo(at);
    assertThat(stats.getCpu().getUsageCoreNanoSeconds().getValue()).isEqualTo(5_000_000_000L);
    assertThat(stats.getCpu().getUsageNanoCores().getValue()).isEqualTo(250_000_000);
    assertThat(stats.getCpu().getPsi().getSome().getTotal()).isEqualTo(4000);
    assertThat(stats.getMemory().getWorkingSetBytes().getValue()).isEqualTo(200);
    assertThat(stats.getMemory().getAvailableBytes().getValue()).isEqualTo(800);
    assertThat(stats.getMemory().hasPsi()).isFalse();
    assertThat(stats.getSwap().getSwapUsageBytes().getValue()).isEqualTo(7);
    assertThat(stats.getSwap().getSwapAvailableBytes().getValue()).isEqualTo(10);
    assertThat(stats.hasIo()).isFalse();
    assertThat(stats.getWritableLayer().getUsedBytes().getValue()).isEqualTo(4096);
    assertThat(stats.getWritableLayer().getFsId().getMountpoint()).isEqualTo("/layers/1");
  }

  @Test
  void everyMetricFamilyIsDescribedAndFilled() {
    containers.state = new ContainerState.Running(FakeUsage.AT, FakeUsage.AT, 7);
    containers.config = CONTAINER;
    var _ = cri.runPodSandbox(RunPodSandboxRequest.newBuilder().setConfig(POD).build());
    var described =
        cri.listMetricDescriptors(ListMetricDescriptorsRequest.getDefaultInstance())
            .getDescriptorsList();
    var pod =
        cri.listPodSandboxMetrics(ListPodSandboxMetricsRequest.getDefaultInstance())
            .getPodMetrics(0);
    Map<String, Metric> found = new HashMap<>();
    pod.getMetricsList().forEach(metric -> found.put(metric.getName(), metric));
    pod.getContainerMetrics(0)
        .getMetricsList()
        .forEach(metric -> found.put(metric.getName(), metric));

    assertThat(described).hasSize(56).allMatch(family -> !family.getHelp().isEmpty());
    for (MetricDescriptor family : described) {
      Metric metric = found.get(family.getName());
      if (!WITHOUT_FIGURE.contains(family.getName())) {
        assertThat(metric).as(family.getName()).isNotNull();
        assertThat(metric.getLabelValuesCount())
            .as(family.getName())
            .isEqualTo(family.getLabelKeysCount());
        assertThat(metric.getTimestamp()).isEqualTo(FakeUsage.AT.toEpochMilli() * 1_000_000);
      }
    }
    assertThat(found.get("container_cpu_user_seconds_total").getValue().getValue()).isEqualTo(3);
    assertThat(found.get("container_threads_max").getValue().getValue()).isZero();
    assertThat(found.get("container_fs_writes_bytes_total").getLabelValuesList())
        .endsWith("/dev/sda");
    assertThat(found.get("container_network_receive_bytes_total").getLabelValuesList())
        .startsWith("POD")
        .endsWith("eth0");
  }

  @Test
  void metricsAreStreamedToo() {
    containers.config = CONTAINER;
    var _ = cri.runPodSandbox(RunPodSandboxRequest.newBuilder().setConfig(POD).build());
    var part =
        cri.streamPodSandboxMetrics(StreamPodSandboxMetricsRequest.getDefaultInstance()).next();
    assertThat(part.getPodSandboxMetricsList())
        .isEqualTo(
            cri.listPodSandboxMetrics(ListPodSandboxMetricsRequest.getDefaultInstance())
                .getPodMetricsList());
  }

  @Test
  void whatIsLeftOutOfUsageIsMarkedInTheVerboseStatus() {
    var info = cri.status(StatusRequest.newBuilder().setVerbose(true).build()).getInfoMap();
    assertThat(info.get("usage"))
        .isEqualTo(
            "{\"leftOut\":{\"c-9\":\"there is no cgroup /pods/1/c-9\"},\"failedReadings\":3}");
  }

  @Test
  void sandboxStatsHaveTheNetworkTheProcessesAndTheContainers() {
    containers.config = CONTAINER;
    var _ = cri.runPodSandbox(RunPodSandboxRequest.newBuilder().setConfig(POD).build());
    var stats =
        cri.listPodSandboxStats(ListPodSandboxStatsRequest.getDefaultInstance()).getStats(0);
    assertThat(stats.getLinux().getNetwork().getDefaultInterface().getName()).isEqualTo("eth0");
    assertThat(stats.getLinux().getNetwork().getDefaultInterface().getTxBytes().getValue())
        .isEqualTo(20);
    assertThat(stats.getLinux().getProcess().getProcessCount().getValue()).isEqualTo(3);
    assertThat(stats.getLinux().getContainersList()).hasSize(1);
    assertThat(stats.getLinux().getCpu().hasUsageNanoCores()).isFalse();
  }

  @Test
  void streamedListComesInPartsAndHasEachItemOnce() {
    containers.config = CONTAINER;
    List<Integer> sizes = new ArrayList<>();
    List<String> ids = new ArrayList<>();
    cri.streamContainerStats(StreamContainerStatsRequest.getDefaultInstance())
        .forEachRemaining(part -> {
          sizes.add(part.getContainerStatsCount());
          part.getContainerStatsList().forEach(stats -> ids.add(stats.getAttributes().getId()));
        });
    assertThat(sizes).containsExactly(50, 50, 20);
    assertThat(ids).hasSize(FakeUsage.CONTAINERS).doesNotHaveDuplicates();
  }

  @Test
  void streamsAnswerWithAUrl() {
    var exec = ExecRequest.newBuilder().setContainerId("c").addCmd("sh").setTty(true);
    assertThat(cri.exec(exec.setStdin(true).setStdout(true).build()).getUrl())
        .isEqualTo("http://exec");
    assertThat(
            cri.attach(AttachRequest.newBuilder().setContainerId("c-1").setStderr(true).build())
                .getUrl())
        .isEqualTo("http://attach");
    assertThat(
            cri.portForward(PortForwardRequest.newBuilder().setPodSandboxId("s-1").build())
                .getUrl())
        .isEqualTo("http://portforward");
  }

  @Test
  void streamsOfNothingAreRefused() {
    ExecRequest exec =
        ExecRequest.newBuilder().setContainerId("c-1").addCmd("sh").setStdout(true).build();
    refused(Status.Code.INVALID_ARGUMENT, exec.toBuilder().clearContainerId());
    refused(Status.Code.INVALID_ARGUMENT, exec.toBuilder().clearCmd());
    refused(Status.Code.INVALID_ARGUMENT, exec.toBuilder().clearStdout());
    refused(Status.Code.INVALID_ARGUMENT, exec.toBuilder().setTty(true).setStderr(true));
    refused(Status.Code.FAILED_PRECONDITION, exec.toBuilder().setContainerId("c-2"));
    refused(Status.Code.NOT_FOUND, exec.toBuilder().setContainerId("c-9"));
    assertThatThrownBy(() ->
            cri.portForward(
                PortForwardRequest.newBuilder().setPodSandboxId("s-1").addPort(70000).build()))
        .hasMessageContaining("port 70000");
  }

  private void refused(Status.Code code, ExecRequest.Builder request) {
    assertThatThrownBy(() -> cri.exec(request.build()))
        .isInstanceOfSatisfying(
            StatusRuntimeException.class, e -> assertThat(e.getStatus().getCode()).isEqualTo(code));
  }
}
