package dev.berth.cri.service;

import static dev.berth.base.BerthException.Kind.NOT_FOUND;

import dev.berth.base.BerthException;
import dev.berth.base.Operation;
import dev.berth.proto.cri.v1.LinuxContainerResources;
import dev.berth.proto.cri.v1.PodSandboxConfig;
import dev.berth.sandbox.SandboxDetails;
import dev.berth.sandbox.SandboxFilter;
import dev.berth.sandbox.SandboxState;
import dev.berth.sandbox.SandboxStatus;
import dev.berth.sandbox.Sandboxes;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Sandboxes that are only remembered. */
final class FakeSandboxes implements Sandboxes {
  static final Instant CREATED_AT = Instant.ofEpochSecond(1_800_000_000, 7);

  final List<String> calls = new ArrayList<>();
  @Nullable SandboxStatus sandbox;
  @Nullable SandboxFilter filter;

  @Override
  public SandboxStatus run(PodSandboxConfig config, String runtimeHandler, Operation operation) {
    calls.add("run " + operation.verb());
    sandbox =
        new SandboxStatus(
            "id-1",
            config,
            runtimeHandler,
            SandboxState.READY,
            CREATED_AT,
            List.of("10.0.0.2", "fd00::2"),
            "{\"ips\":[]}",
            "/run/netns/x");
    return sandbox;
  }

  @Override
  public void update(
      String sandboxId,
      Optional<LinuxContainerResources> overhead,
      Optional<LinuxContainerResources> resources,
      Operation operation) {
    calls.add("update " + sandboxId + " " + overhead.isPresent() + " " + resources.isPresent());
  }

  @Override
  public void stop(String sandboxId, Operation operation) {
    calls.add("stop " + sandboxId);
  }

  @Override
  public void remove(String sandboxId, Operation operation) {
    calls.add("remove " + sandboxId);
  }

  @Override
  public SandboxStatus status(String sandboxId) {
    if (sandbox == null) {
      throw new BerthException(NOT_FOUND, "no such sandbox: " + sandboxId);
    }
    return sandbox;
  }

  @Override
  public SandboxDetails details(String sandboxId) {
    return new SandboxDetails(status(sandboxId), 4711, "io.containerd.berth.v2", Optional.empty());
  }

  @Override
  public List<SandboxStatus> list(SandboxFilter wanted) {
    filter = wanted;
    return sandbox == null ? List.of() : List.of(sandbox);
  }
}
