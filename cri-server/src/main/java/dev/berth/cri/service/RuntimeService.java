package dev.berth.cri.service;

import static dev.berth.cri.service.Requests.required;
import static dev.berth.cri.service.Requests.timeout;

import dev.berth.base.Operation;
import dev.berth.cri.rpc.ServiceAssembly;
import dev.berth.proto.cri.v1.CheckpointContainerRequest;
import dev.berth.proto.cri.v1.CheckpointContainerResponse;
import dev.berth.proto.cri.v1.Container;
import dev.berth.proto.cri.v1.ContainerFilter;
import dev.berth.proto.cri.v1.ContainerStats;
import dev.berth.proto.cri.v1.ContainerStatsFilter;
import dev.berth.proto.cri.v1.ContainerStatsRequest;
import dev.berth.proto.cri.v1.ContainerStatsResponse;
import dev.berth.proto.cri.v1.ContainerStatusRequest;
import dev.berth.proto.cri.v1.ContainerStatusResponse;
import dev.berth.proto.cri.v1.CreateContainerRequest;
import dev.berth.proto.cri.v1.CreateContainerResponse;
import dev.berth.proto.cri.v1.ExecSyncRequest;
import dev.berth.proto.cri.v1.ExecSyncResponse;
import dev.berth.proto.cri.v1.ListContainerStatsRequest;
import dev.berth.proto.cri.v1.ListContainerStatsResponse;
import dev.berth.proto.cri.v1.ListContainersRequest;
import dev.berth.proto.cri.v1.ListContainersResponse;
import dev.berth.proto.cri.v1.ListMetricDescriptorsRequest;
import dev.berth.proto.cri.v1.ListMetricDescriptorsResponse;
import dev.berth.proto.cri.v1.ListPodSandboxMetricsRequest;
import dev.berth.proto.cri.v1.ListPodSandboxMetricsResponse;
import dev.berth.proto.cri.v1.ListPodSandboxRequest;
import dev.berth.proto.cri.v1.ListPodSandboxResponse;
import dev.berth.proto.cri.v1.ListPodSandboxStatsRequest;
import dev.berth.proto.cri.v1.ListPodSandboxStatsResponse;
import dev.berth.proto.cri.v1.PodSandbox;
import dev.berth.proto.cri.v1.PodSandboxFilter;
import dev.berth.proto.cri.v1.PodSandboxMetrics;
import dev.berth.proto.cri.v1.PodSandboxStats;
import dev.berth.proto.cri.v1.PodSandboxStatsFilter;
import dev.berth.proto.cri.v1.PodSandboxStatsRequest;
import dev.berth.proto.cri.v1.PodSandboxStatsResponse;
import dev.berth.proto.cri.v1.PodSandboxStatusRequest;
import dev.berth.proto.cri.v1.PodSandboxStatusResponse;
import dev.berth.proto.cri.v1.RemoveContainerRequest;
import dev.berth.proto.cri.v1.RemoveContainerResponse;
import dev.berth.proto.cri.v1.RemovePodSandboxRequest;
import dev.berth.proto.cri.v1.RemovePodSandboxResponse;
import dev.berth.proto.cri.v1.ReopenContainerLogRequest;
import dev.berth.proto.cri.v1.ReopenContainerLogResponse;
import dev.berth.proto.cri.v1.RunPodSandboxRequest;
import dev.berth.proto.cri.v1.RunPodSandboxResponse;
import dev.berth.proto.cri.v1.RuntimeServiceGrpc;
import dev.berth.proto.cri.v1.StartContainerRequest;
import dev.berth.proto.cri.v1.StartContainerResponse;
import dev.berth.proto.cri.v1.StatusRequest;
import dev.berth.proto.cri.v1.StatusResponse;
import dev.berth.proto.cri.v1.StopContainerRequest;
import dev.berth.proto.cri.v1.StopContainerResponse;
import dev.berth.proto.cri.v1.StopPodSandboxRequest;
import dev.berth.proto.cri.v1.StopPodSandboxResponse;
import dev.berth.proto.cri.v1.StreamContainerStatsResponse;
import dev.berth.proto.cri.v1.StreamContainersResponse;
import dev.berth.proto.cri.v1.StreamPodSandboxMetricsResponse;
import dev.berth.proto.cri.v1.StreamPodSandboxStatsResponse;
import dev.berth.proto.cri.v1.StreamPodSandboxesResponse;
import dev.berth.proto.cri.v1.UpdateContainerResourcesRequest;
import dev.berth.proto.cri.v1.UpdateContainerResourcesResponse;
import dev.berth.proto.cri.v1.UpdatePodSandboxResourcesRequest;
import dev.berth.proto.cri.v1.UpdatePodSandboxResourcesResponse;
import dev.berth.sandbox.Containers;
import dev.berth.sandbox.PodEventFeed;
import dev.berth.sandbox.SandboxFilter;
import dev.berth.sandbox.SandboxMetrics;
import dev.berth.sandbox.SandboxStatus;
import dev.berth.sandbox.Sandboxes;
import dev.berth.sandbox.Usage;
import io.grpc.ServerServiceDefinition;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * CRI's RuntimeService: which verb answers which RPC.
 *
 * <p>The table in {@link #definition} is the list of what is implemented; every other RPC of the
 * service answers Unimplemented with its name.
 */
public final class RuntimeService {
  private final NodeVerbs node;
  private final Sandboxes sandboxes;
  private final Containers containers;
  private final Usage usage;
  private final Supplier<PodEventFeed> events;
  private final StreamVerbs streams;
  private final KeptMessages<SandboxStatus, PodSandbox> podItems =
      new KeptMessages<>(SandboxStatus::id, SandboxMessages::sameItem, SandboxMessages::item);
  private final KeptMessages<dev.berth.sandbox.ContainerStatus, Container> containerItems =
      new KeptMessages<>(
          dev.berth.sandbox.ContainerStatus::id,
          ContainerMessages::sameItem,
          ContainerMessages::item);

  /** Makes the service; it owns none of what it is given. */
  public RuntimeService(
      NodeVerbs node,
      Sandboxes sandboxes,
      Containers containers,
      Usage usage,
      Supplier<PodEventFeed> events,
      StreamVerbs streams) {
    this.node = node;
    this.sandboxes = sandboxes;
    this.containers = containers;
    this.usage = usage;
    this.events = events;
    this.streams = streams;
  }

  /** Returns the service for the server. */
  public ServerServiceDefinition definition() {
    return ServiceAssembly.of(RuntimeServiceGrpc.getServiceDescriptor())
        .immediate(RuntimeServiceGrpc.getVersionMethod(), node::version)
        .unary(RuntimeServiceGrpc.getStatusMethod(), this::status)
        .unary(RuntimeServiceGrpc.getRuntimeConfigMethod(), node::runtimeConfig)
        .unary(RuntimeServiceGrpc.getRunPodSandboxMethod(), this::runPodSandbox)
        .unary(RuntimeServiceGrpc.getStopPodSandboxMethod(), this::stopPodSandbox)
        .unary(RuntimeServiceGrpc.getRemovePodSandboxMethod(), this::removePodSandbox)
        .unary(RuntimeServiceGrpc.getPodSandboxStatusMethod(), this::podSandboxStatus)
        .immediate(RuntimeServiceGrpc.getListPodSandboxMethod(), this::listPodSandbox)
        .unary(RuntimeServiceGrpc.getCreateContainerMethod(), this::createContainer)
        .unary(RuntimeServiceGrpc.getStartContainerMethod(), this::startContainer)
        .unary(RuntimeServiceGrpc.getStopContainerMethod(), this::stopContainer)
        .unary(RuntimeServiceGrpc.getRemoveContainerMethod(), this::removeContainer)
        .immediate(RuntimeServiceGrpc.getListContainersMethod(), this::listContainers)
        .unary(RuntimeServiceGrpc.getContainerStatusMethod(), this::containerStatus)
        .unary(RuntimeServiceGrpc.getExecSyncMethod(), this::execSync)
        .unary(RuntimeServiceGrpc.getExecMethod(), streams::exec)
        .unary(RuntimeServiceGrpc.getAttachMethod(), streams::attach)
        .unary(RuntimeServiceGrpc.getPortForwardMethod(), streams::portForward)
        .unary(RuntimeServiceGrpc.getReopenContainerLogMethod(), this::reopenContainerLog)
        .unary(RuntimeServiceGrpc.getCheckpointContainerMethod(), this::checkpointContainer)
        .unary(
            RuntimeServiceGrpc.getUpdateContainerResourcesMethod(), this::updateContainerResources)
        .unary(
            RuntimeServiceGrpc.getUpdatePodSandboxResourcesMethod(),
            this::updatePodSandboxResources)
        .unary(RuntimeServiceGrpc.getUpdateRuntimeConfigMethod(), node::updateRuntimeConfig)
        .unary(RuntimeServiceGrpc.getContainerStatsMethod(), this::containerStats)
        .unary(RuntimeServiceGrpc.getListContainerStatsMethod(), this::listContainerStats)
        .unary(RuntimeServiceGrpc.getPodSandboxStatsMethod(), this::podSandboxStats)
        .unary(RuntimeServiceGrpc.getListPodSandboxStatsMethod(), this::listPodSandboxStats)
        .immediate(RuntimeServiceGrpc.getListMetricDescriptorsMethod(), this::listMetricDescriptors)
        .unary(RuntimeServiceGrpc.getListPodSandboxMetricsMethod(), this::listPodSandboxMetrics)
        .fed(RuntimeServiceGrpc.getGetContainerEventsMethod(), _ -> new EventFeed(events.get()))
        .listed(
            RuntimeServiceGrpc.getStreamPodSandboxesMethod(),
            (request, _) -> items(request.getFilter()),
            part -> StreamPodSandboxesResponse.newBuilder().addAllPodSandboxes(part).build())
        .listed(
            RuntimeServiceGrpc.getStreamContainersMethod(),
            (request, _) -> items(request.getFilter()),
            part -> StreamContainersResponse.newBuilder().addAllContainers(part).build())
        .listed(
            RuntimeServiceGrpc.getStreamContainerStatsMethod(),
            (request, _) -> stats(request.getFilter()),
            part -> StreamContainerStatsResponse.newBuilder().addAllContainerStats(part).build())
        .listed(
            RuntimeServiceGrpc.getStreamPodSandboxStatsMethod(),
            (request, _) -> stats(request.getFilter()),
            part -> StreamPodSandboxStatsResponse.newBuilder().addAllPodSandboxStats(part).build())
        .listed(
            RuntimeServiceGrpc.getStreamPodSandboxMetricsMethod(),
            (_, _) -> usage.metrics(),
            part ->
                StreamPodSandboxMetricsResponse.newBuilder()
                    .addAllPodSandboxMetrics(messages(part))
                    .build())
        .build();
  }

  private RunPodSandboxResponse runPodSandbox(RunPodSandboxRequest request, Operation operation) {
    required("config.metadata", request.getConfig().hasMetadata());
    var sandbox = sandboxes.run(request.getConfig(), request.getRuntimeHandler(), operation);
    return RunPodSandboxResponse.newBuilder().setPodSandboxId(sandbox.id()).build();
  }

  private StopPodSandboxResponse stopPodSandbox(
      StopPodSandboxRequest request, Operation operation) {
    sandboxes.stop(request.getPodSandboxId(), operation);
    return StopPodSandboxResponse.getDefaultInstance();
  }

  private RemovePodSandboxResponse removePodSandbox(
      RemovePodSandboxRequest request, Operation operation) {
    sandboxes.remove(request.getPodSandboxId(), operation);
    return RemovePodSandboxResponse.getDefaultInstance();
  }

  private PodSandboxStatusResponse podSandboxStatus(
      PodSandboxStatusRequest request, Operation operation) {
    long now = Times.nanos(Instant.now()); // before the reads: what is younger may be missing
    var sandbox = sandboxes.status(request.getPodSandboxId());
    var reply =
        PodSandboxStatusResponse.newBuilder()
            .setStatus(SandboxMessages.status(sandbox))
            .setTimestamp(now);
    containers
        .list(dev.berth.sandbox.ContainerFilter.ofSandbox(sandbox.id()))
        .forEach(container -> reply.addContainersStatuses(ContainerMessages.status(container)));
    if (request.getVerbose()) {
      reply.putInfo("info", VerboseInfo.of(sandboxes.details(sandbox.id())));
    }
    return reply.build();
  }

  private ListPodSandboxResponse listPodSandbox(
      ListPodSandboxRequest request, Operation operation) {
    return ListPodSandboxResponse.newBuilder().addAllItems(items(request.getFilter())).build();
  }

  private List<PodSandbox> items(PodSandboxFilter filter) {
    SandboxFilter wanted = SandboxMessages.filter(filter);
    List<SandboxStatus> found = sandboxes.list(wanted);
    return wanted.equals(SandboxFilter.ALL) ? podItems.ofAll(found) : podItems.of(found);
  }

  private CreateContainerResponse createContainer(
      CreateContainerRequest request, Operation operation) {
    required("pod_sandbox_id", !request.getPodSandboxId().isEmpty());
    required("config.metadata", request.getConfig().hasMetadata());
    required("config.image", !request.getConfig().getImage().getImage().isEmpty());
    var container =
        containers.create(
            request.getPodSandboxId(), request.getConfig(), request.getSandboxConfig(), operation);
    return CreateContainerResponse.newBuilder().setContainerId(container.id()).build();
  }

  private StartContainerResponse startContainer(
      StartContainerRequest request, Operation operation) {
    required("container_id", !request.getContainerId().isEmpty());
    containers.start(request.getContainerId(), operation);
    return StartContainerResponse.getDefaultInstance();
  }

  private StopContainerResponse stopContainer(StopContainerRequest request, Operation operation) {
    Duration timeout = timeout(request.getTimeout());
    containers.stop(request.getContainerId(), timeout, operation);
    return StopContainerResponse.getDefaultInstance();
  }

  private RemoveContainerResponse removeContainer(
      RemoveContainerRequest request, Operation operation) {
    containers.remove(request.getContainerId(), operation);
    return RemoveContainerResponse.getDefaultInstance();
  }

  private ListContainersResponse listContainers(
      ListContainersRequest request, Operation operation) {
    return ListContainersResponse.newBuilder().addAllContainers(items(request.getFilter())).build();
  }

  private List<Container> items(ContainerFilter filter) {
    var wanted = ContainerMessages.filter(filter);
    List<dev.berth.sandbox.ContainerStatus> found = containers.list(wanted);
    return wanted.equals(dev.berth.sandbox.ContainerFilter.ALL)
        ? containerItems.ofAll(found)
        : containerItems.of(found);
  }

  private ContainerStatusResponse containerStatus(
      ContainerStatusRequest request, Operation operation) {
    var container = containers.status(request.getContainerId());
    var reply = ContainerStatusResponse.newBuilder().setStatus(ContainerMessages.status(container));
    if (request.getVerbose()) {
      reply.putInfo("info", VerboseInfo.of(containers.details(container.id())));
    }
    return reply.build();
  }

  private ExecSyncResponse execSync(ExecSyncRequest request, Operation operation) {
    required("container_id", !request.getContainerId().isEmpty());
    required("cmd", request.getCmdCount() > 0);
    Duration timeout = timeout(request.getTimeout());
    return ContainerMessages.execResult(
        containers.execSync(request.getContainerId(), request.getCmdList(), timeout, operation));
  }

  private UpdateContainerResourcesResponse updateContainerResources(
      UpdateContainerResourcesRequest request, Operation operation) {
    required("container_id", !request.getContainerId().isEmpty());
    containers.update(request.getContainerId(), request.getLinux(), operation);
    return UpdateContainerResourcesResponse.getDefaultInstance();
  }

  private UpdatePodSandboxResourcesResponse updatePodSandboxResources(
      UpdatePodSandboxResourcesRequest request, Operation operation) {
    required("pod_sandbox_id", !request.getPodSandboxId().isEmpty());
    sandboxes.update(
        request.getPodSandboxId(),
        Optional.of(request.getOverhead()).filter(_ -> request.hasOverhead()),
        Optional.of(request.getResources()).filter(_ -> request.hasResources()),
        operation);
    return UpdatePodSandboxResourcesResponse.getDefaultInstance();
  }

  private ContainerStatsResponse containerStats(
      ContainerStatsRequest request, Operation operation) {
    required("container_id", !request.getContainerId().isEmpty());
    var container = usage.container(request.getContainerId());
    return ContainerStatsResponse.newBuilder().setStats(UsageMessages.container(container)).build();
  }

  private ListContainerStatsResponse listContainerStats(
      ListContainerStatsRequest request, Operation operation) {
    return ListContainerStatsResponse.newBuilder().addAllStats(stats(request.getFilter())).build();
  }

  private List<ContainerStats> stats(ContainerStatsFilter filter) {
    return usage.containers(UsageMessages.filter(filter)).stream()
        .map(UsageMessages::container)
        .toList();
  }

  private PodSandboxStatsResponse podSandboxStats(
      PodSandboxStatsRequest request, Operation operation) {
    required("pod_sandbox_id", !request.getPodSandboxId().isEmpty());
    var sandbox = usage.sandbox(request.getPodSandboxId());
    return PodSandboxStatsResponse.newBuilder().setStats(UsageMessages.sandbox(sandbox)).build();
  }

  private ListPodSandboxStatsResponse listPodSandboxStats(
      ListPodSandboxStatsRequest request, Operation operation) {
    return ListPodSandboxStatsResponse.newBuilder().addAllStats(stats(request.getFilter())).build();
  }

  private List<PodSandboxStats> stats(PodSandboxStatsFilter filter) {
    return usage.sandboxes(UsageMessages.filter(filter)).stream()
        .map(UsageMessages::sandbox)
        .toList();
  }

  private CheckpointContainerResponse checkpointContainer(
      CheckpointContainerRequest request, Operation operation) {
    required("container_id", !request.getContainerId().isEmpty());
    required("location", !request.getLocation().isEmpty());
    Duration timeout = timeout(request.getTimeout());
    containers.checkpoint(request.getContainerId(), request.getLocation(), timeout, operation);
    return CheckpointContainerResponse.getDefaultInstance();
  }

  private ListMetricDescriptorsResponse listMetricDescriptors(
      ListMetricDescriptorsRequest request, Operation operation) {
    return ListMetricDescriptorsResponse.newBuilder()
        .addAllDescriptors(MetricMessages.descriptors())
        .build();
  }

  private ListPodSandboxMetricsResponse listPodSandboxMetrics(
      ListPodSandboxMetricsRequest request, Operation operation) {
    return ListPodSandboxMetricsResponse.newBuilder()
        .addAllPodMetrics(messages(usage.metrics()))
        .build();
  }

  private static List<PodSandboxMetrics> messages(List<SandboxMetrics> sandboxes) {
    return sandboxes.stream().map(MetricMessages::sandbox).toList();
  }

  private StatusResponse status(StatusRequest request, Operation operation) {
    StatusResponse status = node.status(request, operation);
    return request.getVerbose()
        ? status.toBuilder().putInfo("usage", VerboseInfo.of(usage.gaps())).build()
        : status;
  }

  private ReopenContainerLogResponse reopenContainerLog(
      ReopenContainerLogRequest request, Operation operation) {
    required("container_id", !request.getContainerId().isEmpty());
    containers.reopenLog(request.getContainerId(), operation);
    return ReopenContainerLogResponse.getDefaultInstance();
  }
}
