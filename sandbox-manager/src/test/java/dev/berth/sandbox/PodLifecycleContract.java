package dev.berth.sandbox;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.base.BerthException;
import dev.berth.proto.cri.v1.ContainerConfig;
import dev.berth.proto.cri.v1.NamespaceMode;
import dev.berth.proto.cri.v1.PodSandboxConfig;
import dev.berth.testing.Await;
import dev.berth.testing.RequiresRoot;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@RequiresRoot
abstract class PodLifecycleContract {
  @TempDir Path directory;
  TestNode node;

  private final String handler;
  private final CgroupDriver driver;

  PodLifecycleContract(String handler) {
    this(handler, CgroupDriver.CGROUPFS);
  }

  PodLifecycleContract(String handler, CgroupDriver driver) {
    this.handler = handler;
    this.driver = driver;
  }

  @BeforeEach
  void open() throws Exception {
    node = new TestNode(directory, handler, driver);
  }

  @AfterEach
  void close() throws Exception {
    node.close();
  }

  @Test
  void aPodRunsLogsExecsStopsAndLeavesNothing() throws Exception {
    SandboxStatus pod = node.run(node.pod("web"));
    assertThat(pod.isReady()).isTrue();
    assertThat(pod.ips()).hasSize(1);

    ContainerStatus container =
        node.start(
            pod, node.container("main", "/bin/sh", "-c", "echo hello; echo oops >&2; sleep 1000"));
    assertThat(container.state()).isInstanceOf(ContainerState.Running.class);
    Path log = directory.resolve("logs/web/main.log");
    Await.until(
        "both lines are in the log",
        Duration.ofSeconds(10),
        () -> Files.exists(log) && Files.readAllLines(log).size() == 2);
    assertThat(Files.readString(log)).contains("stdout F hello", "stderr F oops");

    assertThat(node.exec(container.id(), "hostname")).isEqualTo("web\n");
    assertThat(node.exec(container.id(), "ip", "addr"))
        .contains(pod.ips().getFirst())
        .contains("127.0.0.1");

    node.containers().stop(container.id(), Duration.ZERO, TestNode.operation("StopContainer"));
    assertThat(node.containers().status(container.id()).state())
        .isInstanceOfSatisfying(
            ContainerState.Exited.class,
            exited -> {
              assertThat(exited.exitCode()).isEqualTo(137);
              assertThat(exited.reason()).isEqualTo(ExitReasons.ERROR);
            });

    node.sandboxes().stop(pod.id(), TestNode.operation("StopPodSandbox"));
    node.sandboxes().stop(pod.id(), TestNode.operation("StopPodSandbox"));
    assertThat(node.sandboxes().status(pod.id()).isReady()).isFalse();
    assertThat(node.network.leases()).isEmpty();
    node.remove(pod);
    node.remove(pod);
    node.assertNothingLeft();
  }

  @Test
  void containersOfAPodThatSharesProcessesSeeEachOther() throws Exception {
    SandboxStatus pod = node.run(node.podWithPause("shared"));
    ContainerStatus one = node.start(pod, sharing("one"));
    ContainerStatus two = node.start(pod, sharing("two"));
    assertThat(node.exec(one.id(), "ps"))
        .contains("/pause pause")
        .containsPattern("sleep 1001(.|\n)*sleep 1001");
    node.exec(one.id(), "sh", "-c", "sleep 0.1 &"); // becomes an orphan, and must be reaped
    Await.until(
        "the orphan is reaped",
        Duration.ofSeconds(5),
        () -> !node.exec(one.id(), "ps").contains("sleep 0.1"));

    node.shutDown();
    node.open();
    assertThat(node.sandboxes().status(pod.id())).isEqualTo(pod);
    ContainerStatus three = node.start(pod, sharing("three"));
    assertThat(node.exec(three.id(), "ps")).contains("pause");
    node.containers().remove(two.id(), TestNode.operation("RemoveContainer"));
    node.remove(pod);
    node.assertNothingLeft();
  }

  private ContainerConfig.Builder sharing(String name) {
    ContainerConfig.Builder config = node.container(name, "/bin/sleep", "1001");
    config
        .getLinuxBuilder()
        .getSecurityContextBuilder()
        .getNamespaceOptionsBuilder()
        .setPid(NamespaceMode.POD);
    return config;
  }

  @Test
  void aPodOnTheHostsNetworkHasTheHostsNameAndNoAddress() throws Exception {
    PodSandboxConfig.Builder config = node.pod("host").setHostname("");
    config
        .getLinuxBuilder()
        .getSecurityContextBuilder()
        .getNamespaceOptionsBuilder()
        .setNetwork(NamespaceMode.NODE);
    SandboxStatus pod = node.run(config);
    assertThat(pod.ips()).isEmpty();
    assertThat(node.network.leases()).isEmpty();
    ContainerStatus container = node.start(pod, node.container("main", "/bin/sleep", "1000"));
    assertThat(node.exec(container.id(), "ls", "-l", "/proc/self/ns/net").replaceAll(".*-> ", ""))
        .isEqualTo(Files.readSymbolicLink(Path.of("/proc/self/ns/net")) + "\n");
    node.remove(pod);
    node.assertNothingLeft();
  }

  @Test
  void sysctlsAreSetInThePodAndNowhereElse() throws Exception {
    Path hosts = Path.of("/proc/sys/kernel/shm_rmid_forced");
    String before = Files.readString(hosts);
    PodSandboxConfig.Builder config = node.pod("sysctl");
    config
        .getLinuxBuilder()
        .putSysctls("kernel.shm_rmid_forced", before.strip().equals("1") ? "0" : "1")
        .putSysctls("net.ipv4.ip_local_port_range", "20000 20100");
    SandboxStatus pod = node.run(config);
    ContainerStatus container = node.start(pod, node.container("main", "/bin/sleep", "1000"));
    assertThat(node.exec(container.id(), "cat", hosts.toString())).isNotEqualTo(before);
    assertThat(node.exec(container.id(), "cat", "/proc/sys/net/ipv4/ip_local_port_range"))
        .isEqualTo("20000\t20100\n");
    assertThat(node.exec(container.id(), "cat", "/proc/sys/net/ipv4/ip_unprivileged_port_start"))
        .isEqualTo("0\n");
    assertThat(Files.readString(hosts)).isEqualTo(before);
  }

  @Test
  void configurationsThatCannotBeRunAreNamedAndLeaveNothing() throws Exception {
    refused(node.pod("bad").clearMetadata(), "metadata");
    refused(node.pod("bad;x"), "metadata.name");
    refused(node.pod("bad").setHostname("a".repeat(65)), "hostname");
    refused(node.pod("bad").setLogDirectory("/logs/../etc"), "log_directory");
    PodSandboxConfig.Builder dns = node.pod("bad");
    dns.getDnsConfigBuilder().addServers("10.0.0.1\nsearch evil");
    refused(dns, "dns_config.servers");
    for (String sysctl :
        List.of("kernel.core_pattern", "vm.swappiness", "net/../../kernel/core_pattern")) {
      PodSandboxConfig.Builder config = node.pod("bad");
      config.getLinuxBuilder().putSysctls(sysctl, "1");
      refused(config, "linux.sysctls");
    }
    PodSandboxConfig.Builder absent = node.pod("bad");
    absent.getLinuxBuilder().putSysctls("net.ipv4.no_such_thing", "1");
    refused(absent, "no_such_thing");
    PodSandboxConfig.Builder cgroup = node.pod("bad");
    cgroup.getLinuxBuilder().setCgroupParent("/a/../../b");
    refused(cgroup, "linux.cgroup_parent");
    assertThatThrownBy(() ->
            node.sandboxes()
                .run(node.pod("bad").build(), "absent", TestNode.operation("RunPodSandbox")))
        .hasMessageContaining("runtime_handler \"absent\"");
    assertThat(node.leftovers()).isEmpty();
  }

  @Test
  void aNetworkThatGivesNoAddressIsRefusedAndLeavesNothing() throws Exception {
    Path calls = directory.resolve("cni-calls");
    node.network.plugin(
        "empty", "echo $CNI_COMMAND >> " + calls + "; echo '{\"cniVersion\": \"1.0.0\"}'");
    node.network.conf(
        "00-empty.conflist",
        """
        {"cniVersion": "1.0.0", "name": "nothing", "plugins": [{"type": "empty"}]}
        """);
    assertThatThrownBy(() -> node.run(node.pod("no-address")))
        .isInstanceOfSatisfying(
            BerthException.class,
            e -> assertThat(e.kind()).isEqualTo(BerthException.Kind.FAILED_PRECONDITION))
        .hasMessageContaining("network nothing (")
        .hasMessageContaining("interface eth0 no address");
    assertThat(Files.readAllLines(calls)).containsExactly("ADD", "DEL");
    assertThat(node.leftovers()).isEmpty();
  }

  private void refused(PodSandboxConfig.Builder config, String message) {
    assertThatThrownBy(() -> node.run(config))
        .isInstanceOf(BerthException.class)
        .hasMessageContaining(message);
  }

  @Test
  void theSameRequestTwiceAtOnceIsOnePodAndLaterItExists() throws Exception {
    PodSandboxConfig config = node.pod("twice").build();
    var first =
        CompletableFuture.supplyAsync(
            () -> node.sandboxes().run(config, "", TestNode.operation("RunPodSandbox")));
    try {
      SandboxStatus second = node.sandboxes().run(config, "", TestNode.operation("RunPodSandbox"));
      assertThat(first.get()).isEqualTo(second);
    } catch (BerthException e) { // the first was faster than the second could join it
      assertThat(e.kind()).isEqualTo(BerthException.Kind.ALREADY_EXISTS);
    }
    assertThat(node.sandboxes().list(SandboxFilter.ALL)).hasSize(1);
    assertThatThrownBy(() -> node.sandboxes().run(config, "", TestNode.operation("RunPodSandbox")))
        .hasMessageContaining(first.get().id());
  }

  @Test
  void aStoppedPodHasNoProcessOfAContainerThatWasNeverStarted() throws Exception {
    SandboxStatus pod = node.run(node.pod("unstarted"));
    var created = node.create(pod, node.container("waits", "/bin/sleep", "1000"));

    node.sandboxes().stop(pod.id(), TestNode.operation("StopPodSandbox"));

    assertThat(node.containers().status(created.id()).state())
        .isInstanceOf(ContainerState.Exited.class);
    assertThat(node.network.leases()).isEmpty();
    node.sandboxes().stop(pod.id(), TestNode.operation("StopPodSandbox"));
    node.sandboxes().remove(pod.id(), TestNode.operation("RemovePodSandbox"));
    assertThat(node.leftovers()).isEmpty();
  }

  @Test
  void whatCannotBeFoundIsNamed() {
    assertThatThrownBy(() -> node.sandboxes().status("nowhere"))
        .isInstanceOfSatisfying(
            BerthException.class,
            e -> assertThat(e.kind()).isEqualTo(BerthException.Kind.NOT_FOUND));
    node.sandboxes().stop("nowhere", TestNode.operation("StopPodSandbox"));
    node.containers().remove("nowhere", TestNode.operation("RemoveContainer"));
    assertThat(node.containers().list(ContainerFilter.ALL)).isEqualTo(List.of());
  }
}
