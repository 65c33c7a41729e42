package dev.berth.sandbox;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.base.BerthException;
import dev.berth.base.BerthException.Kind;
import dev.berth.proto.cri.v1.ContainerConfig;
import dev.berth.proto.cri.v1.LinuxContainerResources;
import dev.berth.proto.cri.v1.PodSandboxConfig;
import dev.berth.sandbox.ContainerStatus.ContainerImage;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;

/** Whoever found an object before it was removed, and comes to it afterwards, records nothing. */
class RemovedObjectTest {
  private static final Instant NOW = Instant.ofEpochSecond(1_800_000_000);

  private final List<ContainerRecord> stored = new ArrayList<>();
  private final List<ContainerRecord> told = new ArrayList<>();
  private final Container container = new Container(record(), stored::add, told::add);

  private static ContainerRecord record() {
    return new ContainerRecord(
        "c",
        "s",
        ContainerConfig.getDefaultInstance(),
        new ContainerImage("sha256:1", "app:1", "app@sha256:2"),
        new ContainerUser(0, 0, List.of()),
        15,
        Optional.empty(),
        "/berth/c",
        "boot",
        new ContainerState.Created(NOW));
  }

  @Test
  void noRecordOfARemovedContainerIsWrittenBack() {
    container.retire(() -> {});

    assertNotFound(
        () -> container.limited(LinuxContainerResources.newBuilder().setCpuShares(100).build()),
        "container c was removed");
    container.moved("/berth/other");
    container.lost("nobody knows");
    container.started(7, NOW);
    container.startFailed("it is gone", NOW);

    assertThat(stored).isEmpty();
    assertThat(told).isEmpty();
    assertThat(container.record()).isEqualTo(record());
  }

  @Test
  void aRemovedSandboxIsNotThereForWhoWaitedForIt() {
    Sandbox sandbox =
        new Sandbox(
            new SandboxRecord(
                "s",
                PodSandboxConfig.getDefaultInstance(),
                "",
                false,
                SandboxRecord.Phase.STOPPED,
                NOW,
                "boot",
                "",
                "",
                List.of()));
    sandbox.requireThere();
    sandbox.markRemoved();

    assertNotFound(sandbox::requireThere, "sandbox s was removed");
  }

  private static void assertNotFound(ThrowingCallable call, String message) {
    assertThatThrownBy(call)
        .isInstanceOfSatisfying(
            BerthException.class, e -> assertThat(e.kind()).isEqualTo(Kind.NOT_FOUND))
        .hasMessage(message);
  }
}
