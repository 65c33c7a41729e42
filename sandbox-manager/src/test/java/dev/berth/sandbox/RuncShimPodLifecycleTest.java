package dev.berth.sandbox;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.base.BerthException;
import dev.berth.base.BerthException.Kind;
import dev.berth.proto.cri.v1.ContainerConfig;
import dev.berth.proto.cri.v1.IDMapping;
import dev.berth.proto.cri.v1.Mount;
import dev.berth.proto.cri.v1.NamespaceMode;
import dev.berth.proto.cri.v1.PodSandboxConfig;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;

final class RuncShimPodLifecycleTest extends PodLifecycleContract {
  RuncShimPodLifecycleTest() {
    super("runc");
  }

  @Test
  void whatTheHandlerDoesNotSayItHasIsRefused() throws Exception {
    PodSandboxConfig.Builder mapped = node.pod("mapped");
    IDMapping ids = IDMapping.newBuilder().setHostId(1 << 20).setLength(1 << 16).build();
    mapped
        .getLinuxBuilder()
        .getSecurityContextBuilder()
        .getNamespaceOptionsBuilder()
        .getUsernsOptionsBuilder()
        .setMode(NamespaceMode.POD)
        .addUids(ids)
        .addGids(ids);
    assertRefused(
        () -> node.run(mapped),
        "namespace_options.userns_options: user namespaces are no feature of runtime handler runc");

    SandboxStatus pod = node.run(node.pod("plain"));
    ContainerConfig.Builder container = node.container("reader", "/bin/true");
    container
        .addMountsBuilder()
        .setContainerPath("/plain")
        .setHostPath(directory.toString())
        .setReadonly(true);
    container.addMounts(
        Mount.newBuilder()
            .setContainerPath("/data")
            .setHostPath(directory.toString())
            .setReadonly(true)
            .setRecursiveReadOnly(true));
    assertRefused(
        () -> node.create(pod, container),
        "mounts[1] /data: recursive_read_only mounts are no feature of runtime handler runc");
    node.sandboxes().remove(pod.id(), TestNode.operation("RemovePodSandbox"));
    assertThat(node.leftovers()).isEmpty();
  }

  private static void assertRefused(ThrowingCallable call, String message) {
    assertThatThrownBy(call)
        .isInstanceOfSatisfying(
            BerthException.class, e -> assertThat(e.kind()).isEqualTo(Kind.INVALID_ARGUMENT))
        .hasMessageContaining(message);
  }
}
