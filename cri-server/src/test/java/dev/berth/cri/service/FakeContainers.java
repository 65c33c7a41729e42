package dev.berth.cri.service;

import com.google.protobuf.ByteString;
import dev.berth.base.Operation;
import dev.berth.proto.cri.v1.ContainerConfig;
import dev.berth.proto.cri.v1.LinuxContainerResources;
import dev.berth.proto.cri.v1.PodSandboxConfig;
import dev.berth.runtime.spec.RuntimeSpec;
import dev.berth.sandbox.ContainerDetails;
import dev.berth.sandbox.ContainerFilter;
import dev.berth.sandbox.ContainerState;
import dev.berth.sandbox.ContainerStatus;
import dev.berth.sandbox.ContainerUser;
import dev.berth.sandbox.Containers;
import dev.berth.sandbox.ExecResult;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Containers that are only remembered. */
final class FakeContainers implements Containers {
  static final Instant CREATED_AT = Instant.ofEpochSecond(1_800_000_000);

  final List<String> calls = new ArrayList<>();
  ContainerState state = new ContainerState.Created(CREATED_AT);
  @Nullable ContainerConfig config;
  @Nullable ContainerFilter filter;

  @Override
  public ContainerStatus create(
      String sandboxId,
      ContainerConfig containerConfig,
      PodSandboxConfig sandboxConfig,
      Operation operation) {
    calls.add("create in " + sandboxId);
    config = containerConfig;
    return status("c-1");
  }

  @Override
  public void start(String containerId, Operation operation) {
    calls.add("start " + containerId);
  }

  @Override
  public void stop(String containerId, Duration timeout, Operation operation) {
    calls.add("stop " + containerId + " " + timeout);
  }

  @Override
  public void update(String containerId, LinuxContainerResources change, Operation operation) {
    calls.add("update " + containerId + " cpus " + change.getCpusetCpus());
  }

  @Override
  public void remove(String containerId, Operation operation) {
    calls.add("remove " + containerId);
  }

  @Override
  public ContainerStatus status(String containerId) {
    return new ContainerStatus(
        containerId,
        "id-1",
        Objects.requireNonNull(config),
        new ContainerStatus.ContainerImage("sha256:1", "app:1", "app@sha256:2"),
        new ContainerUser(1000, 100, List.of(100L)),
        15,
        Optional.of(Path.of("/logs/app.log")),
        "c-1",
        state);
  }

  @Override
  public ContainerDetails details(String containerId) {
    RuntimeSpec spec = RuntimeSpec.builder().ociVersion("1.2.0").hostname("inside").build();
    return new ContainerDetails(
        status(containerId), "io.containerd.berth.v2", Optional.of(spec), false);
  }

  @Override
  public List<ContainerStatus> list(ContainerFilter wanted) {
    filter = wanted;
    return config == null ? List.of() : List.of(status("c-1"));
  }

  @Override
  public ExecResult execSync(
      String containerId, List<String> command, Duration timeout, Operation operation) {
    calls.add("exec " + containerId + " " + command + " " + timeout);
    return new ExecResult(ByteString.copyFromUtf8("out"), ByteString.copyFromUtf8("err"), 3);
  }

  @Override
  public void checkpoint(
      String containerId, String location, Duration timeout, Operation operation) {
    calls.add("checkpoint " + containerId + " " + location + " " + timeout);
  }

  @Override
  public void reopenLog(String containerId, Operation operation) {
    calls.add("reopen " + containerId);
  }
}
