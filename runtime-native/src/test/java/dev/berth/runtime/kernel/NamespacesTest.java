package dev.berth.runtime.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.groups.Tuple.tuple;

import dev.berth.base.BerthException;
import dev.berth.testing.Await;
import dev.berth.testing.RequiresRoot;
import java.io.IOException;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Executors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@RequiresRoot
class NamespacesTest {
  @TempDir Path directory;
  private DirFd dir;
  private List<String> descriptorsBefore;

  @BeforeEach
  void open() {
    dir = DirFd.open(directory);
    descriptorsBefore = OpenDescriptors.snapshot();
  }

  @AfterEach
  void unpin() throws IOException {
    List<String> descriptorsAfter = OpenDescriptors.snapshot();
    for (String name : List.of("net", "ipc", "uts")) {
      Namespaces.unpin(dir, name);
    }
    assertThat(directory).isEmptyDirectory();
    dir.close();
    assertThat(descriptorsAfter).isEqualTo(descriptorsBefore);
    assertThat(Files.readString(Path.of("/proc/self/mountinfo"))).doesNotContain("" + directory);
  }

  /** Carriers of virtual threads are started by whoever wakes one, and inherit where that is. */
  @Test
  void noThreadStaysInANamespace() throws IOException {
    Namespaces.create(Map.of(NamespaceType.NETWORK, pin("net")), NamespaceSetup::bringLoopbackUp);
    try (Fd network = Namespaces.open(dir, "net", NamespaceType.NETWORK);
        var callers = Executors.newVirtualThreadPerTaskExecutor()) {
      for (int i = 0; i < 500; i++) {
        var _ = callers.submit(() -> Namespaces.callInNetwork(network, () -> true));
      }
    }
    Await.until(
        "all threads are where the process is",
        Duration.ofSeconds(5), // the kernel's end of a thread comes after the JVM's
        () -> threadsElsewhere().isEmpty());
  }

  private static List<String> threadsElsewhere() throws IOException {
    Path own = Files.readSymbolicLink(Path.of("/proc/self/ns/net"));
    List<String> elsewhere = new ArrayList<>();
    try (DirectoryStream<Path> threads = Files.newDirectoryStream(Path.of("/proc/self/task"))) {
      for (Path thread : threads) {
        try {
          if (!Files.readSymbolicLink(thread.resolve("ns/net")).equals(own)) {
            elsewhere.add(Files.readString(thread.resolve("comm")).strip());
          }
        } catch (NoSuchFileException e) {
          // it has ended meanwhile
        }
      }
    }
    return elsewhere;
  }

  @Test
  void pinnedNamespacesAreNewAndSetUp() throws IOException {
    Namespaces.create(
        Map.of(
            NamespaceType.NETWORK, pin("net"),
            NamespaceType.IPC, pin("ipc"),
            NamespaceType.UTS, pin("uts")),
        inside -> {
          inside.bringLoopbackUp();
          inside.setHostname("pod-name");
          inside.setDomainname("example");
          inside.setParameter(NamespaceType.NETWORK, "net/ipv4/ip_unprivileged_port_start", "80");
          inside.setParameter(NamespaceType.IPC, "kernel/shmmni", "77");
        });

    for (NamespaceType type :
        List.of(NamespaceType.NETWORK, NamespaceType.IPC, NamespaceType.UTS)) {
      try (Fd pinned = Namespaces.open(dir, type.procName(), type);
          Fd own = Namespaces.open(Path.of("/proc/self/ns", type.procName()), type)) {
        assertThat(FileStatus.of(pinned).isSameFile(FileStatus.of(own))).isFalse();
      }
    }
    assertThat(nsenter("--uts=uts", "hostname")).isEqualTo("pod-name\n");
    assertThat(nsenter("--ipc=ipc", "cat", "/proc/sys/kernel/shmmni")).isEqualTo("77\n");
    assertThat(nsenter("--net=net", "cat", "/proc/sys/net/ipv4/ip_unprivileged_port_start"))
        .isEqualTo("80\n");
    assertThat(Files.readString(Path.of("/proc/sys/net/ipv4/ip_unprivileged_port_start")))
        .isNotEqualTo("80\n");
    assertThat(Files.readString(Path.of("/proc/sys/kernel/hostname"))).isNotEqualTo("pod-name\n");
  }

  @Test
  void workInsideSeesTheNamespaceAndLeavesTheJvmOutside() throws Exception {
    Namespaces.create(Map.of(NamespaceType.NETWORK, pin("net")), NamespaceSetup::bringLoopbackUp);
    Path own = Files.readSymbolicLink(Path.of("/proc/self/ns/net"));

    try (Fd network = Namespaces.open(dir, "net", NamespaceType.NETWORK);
        RtNetlink netlink = Namespaces.callInNetwork(network, RtNetlink::open)) {
      // Used from outside, the socket still belongs to the inside.
      assertThat(netlink.links())
          .extracting(RtNetlink.Link::name, RtNetlink.Link::up)
          .containsExactly(tuple("lo", true));
      assertThat(netlink.addresses())
          .contains(new RtNetlink.Address(1, InetAddress.ofLiteral("127.0.0.1"), 8));
      assertThat(netlink.link("lo").mtu()).isEqualTo(65536);
      assertThatThrownBy(() -> netlink.link("eth0"))
          .isInstanceOf(BerthException.class)
          .hasMessage("no network device eth0");
      assertThatThrownBy(() -> netlink.bringUp(99))
          .hasMessage("netlink link 99 up: ENODEV (no such device)");
      assertThat(netlink.links()).hasSize(1);
    }
    Await.until(
        "the thread that was inside is gone",
        Duration.ofSeconds(10),
        () -> networksOfAllThreads().equals(Set.of(own)));
  }

  @Test
  void aTakenNameUndoesTheOthers() throws IOException {
    Files.writeString(directory.resolve("uts"), "taken");
    assertThatThrownBy(() ->
            Namespaces.create(
                Map.of(NamespaceType.IPC, pin("ipc"), NamespaceType.UTS, pin("uts")), _ -> {}))
        .isInstanceOf(NativeException.class)
        .hasMessageContaining("EEXIST");
    assertThat(directory.resolve("ipc")).doesNotExist();
    assertThat(directory.resolve("uts")).hasContent("taken");
  }

  @Test
  void failingSetupLeavesNothing() {
    assertThatThrownBy(() ->
            Namespaces.create(
                Map.of(NamespaceType.UTS, pin("uts")),
                inside -> inside.setParameter(NamespaceType.NETWORK, "net/x", "1")))
        .isInstanceOf(BerthException.class)
        .hasMessage("needs a new network namespace, not the host's");
    assertThat(directory).isEmptyDirectory();
  }

  @Test
  void onlyThreadsOwnNamespacesCanBeMade() {
    assertThatThrownBy(() -> Namespaces.create(Map.of(NamespaceType.PID, pin("pid")), _ -> {}))
        .hasMessage("a pid namespace cannot be made by a thread");
  }

  @Test
  void theWrongTypeIsNamed() throws IOException {
    Files.writeString(directory.resolve("net"), "x");
    assertThatThrownBy(() -> Namespaces.open(dir, "net", NamespaceType.NETWORK))
        .hasMessage("net: expected a network namespace, found no namespace");
    assertThatThrownBy(() -> Namespaces.open(Path.of("/proc/self/ns/uts"), NamespaceType.NETWORK))
        .hasMessage("/proc/self/ns/uts: expected a network namespace, found a uts namespace");
  }

  @Test
  void unpinningIsIdempotent() {
    Namespaces.create(Map.of(NamespaceType.UTS, pin("uts")), _ -> {});
    Namespaces.unpin(dir, "uts");
    Namespaces.unpin(dir, "uts");
    assertThat(directory).isEmptyDirectory();
  }

  @Test
  void creatingAndPinningIsQuick() {
    int rounds = 50;
    long[] micros = new long[rounds];
    for (int i = 0; i < rounds; i++) {
      long start = System.nanoTime();
      Namespaces.create(
          Map.of(
              NamespaceType.NETWORK, pin("net"),
              NamespaceType.IPC, pin("ipc"),
              NamespaceType.UTS, pin("uts")),
          NamespaceSetup::bringLoopbackUp);
      micros[i] = (System.nanoTime() - start) / 1000;
      for (String name : List.of("net", "ipc", "uts")) {
        Namespaces.unpin(dir, name);
      }
    }
    Arrays.sort(micros);
    System.out.printf(
        "create and pin net, ipc and uts: p50 %d us, p99 %d us%n",
        micros[rounds / 2], micros[rounds * 99 / 100]);
  }

  private Namespaces.Pin pin(String name) {
    return new Namespaces.Pin(dir, name);
  }

  /** An independent witness: util-linux's nsenter reads the pins by path. */
  private String nsenter(String pin, String... command) throws IOException {
    List<String> arguments =
        new ArrayList<>(
            List.of("nsenter", pin.replace("=", "=" + directory + "/"), "/bin/busybox"));
    arguments.addAll(List.of(command));
    Process process = new ProcessBuilder(arguments).redirectErrorStream(true).start();
    try (var in = process.getOutputStream();
        var out = process.getInputStream();
        var error = process.getErrorStream()) {
      return new String(out.readAllBytes(), StandardCharsets.UTF_8);
    }
  }

  private static Set<Path> networksOfAllThreads() throws IOException {
    Set<Path> networks = new HashSet<>();
    try (var tasks = Files.newDirectoryStream(Path.of("/proc/self/task"))) {
      for (Path task : tasks) {
        try {
          networks.add(Files.readSymbolicLink(task.resolve("ns/net")));
        } catch (NoSuchFileException e) {
          // a thread of the JVM that ended meanwhile
        }
      }
    }
    return networks;
  }
}
