package dev.berth.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.berth.proto.cri.v1.ContainerConfig;
import dev.berth.proto.cri.v1.Int64Value;
import dev.berth.proto.cri.v1.NamespaceMode;
import dev.berth.proto.cri.v1.PodSandboxConfig;
import dev.berth.testing.RequiresRoot;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A pod that shares the host's network and process ids, as root and as another user, reaches no
 * socket, directory or stream of Berth; and neither does another user of the machine (R17, R18).
 */
@RequiresRoot
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class HostPodAccessTest {
  private static final String GUESS = "AAAAAAAAAAAAAAAAAAAAAA";

  @TempDir private static Path directory;
  private PodNode at;
  private PodSandboxConfig config;
  private String pod;
  private String victim;

  @BeforeAll
  void runPods() throws Exception {
    at = PodNode.start(directory);
    PodSandboxConfig other = at.pods().config("victim");
    String id = at.pods().run(other);
    victim = at.pods().launch(id, other, Pods.shell("main", at.image(), "exec sleep 1000"));
    PodSandboxConfig.Builder host = at.pods().config("host").toBuilder().clearHostname();
    host.getLinuxBuilder()
        .getSecurityContextBuilder()
        .getNamespaceOptionsBuilder()
        .setNetwork(NamespaceMode.NODE)
        .setIpc(NamespaceMode.NODE)
        .setPid(NamespaceMode.NODE);
    config = host.build();
    pod = at.pods().run(config);
  }

  @AfterAll
  void stop() throws IOException {
    at.close();
  }

  /** Runs a line of shell in the pod, with the capabilities that containers have by default. */
  private Pods.Ended inPod(long uid, String script) throws IOException {
    ContainerConfig.Builder container = Pods.shell("u" + uid, at.image(), script).toBuilder();
    container
        .getLinuxBuilder()
        .getSecurityContextBuilder()
        .setRunAsUser(Int64Value.newBuilder().setValue(uid))
        .getNamespaceOptionsBuilder()
        .setNetwork(NamespaceMode.NODE)
        .setIpc(NamespaceMode.NODE)
        .setPid(NamespaceMode.NODE);
    return at.pods().runToEnd(pod, config, container.build());
  }

  @ParameterizedTest
  @ValueSource(longs = {0, 65534})
  void podOnTheHostSeesTheProcessesAndNothingThatTheyHold(long uid) throws IOException {
    long berthd = at.node().berthdPid();
    long shim = at.node().shim().orElseThrow().pid();
    for (long pid : List.of(berthd, shim)) {
      String proc = "/proc/" + pid;
      assertThat(inPod(uid, "test -d " + proc).exitCode()).as("%s is seen", proc).isZero();
      for (String tried :
          List.of(
              "ls " + proc + "/root" + at.node().state(),
              "ls " + proc + "/root/",
              "ls " + proc + "/cwd/",
              "cat " + proc + "/fd/1",
              "cat " + proc + "/environ")) {
        Pods.Ended ended = inPod(uid, tried);
        assertThat(ended.exitCode()).as(tried).isNotZero();
        assertThat(ended.stdout()).as(tried).isEmpty();
        assertThat(ended.stderr()).as(tried).contains("Permission denied");
      }
    }
    for (Path own : List.of(at.node().state(), at.node().root(), at.node().socket())) {
      assertThat(inPod(uid, "test -e " + own).exitCode()).as("%s", own).isNotZero();
    }
  }

  @Test
  void nothingListensBesideUnixSocketsButStreamsOnLoopback() throws IOException {
    BerthNode node = at.node();
    assertThat(listening(node.shim().orElseThrow().pid())).isEmpty();
    assertThat(new TreeSet<>(listening(node.berthdPid()))).isSubsetOf(new TreeSet<>(streaming()));
    String _ = at.pods().execUrl(victim, "true");
    assertThat(listening(node.berthdPid())).isEqualTo(streaming());
  }

  private Set<String> streaming() {
    int port = URI.create(at.pods().execUrl(victim, "true")).getPort();
    return Set.of("0100007F:%04X".formatted(port)); // 127.0.0.1, in the kernel's byte order
  }

  /** Returns the addresses at which a process takes connections, as the kernel writes them. */
  private static Set<String> listening(long pid) throws IOException {
    Set<String> addresses = new TreeSet<>();
    Set<String> held = descriptors(pid);
    for (String table : List.of("tcp", "tcp6", "udp", "udp6")) {
      for (String line : Files.readAllLines(Path.of("/proc/" + pid + "/net/" + table))) {
        // sl local remote state tx:rx tr:when retransmits uid timeout inode; 0A is TCP_LISTEN
        String[] fields = line.strip().split(" +");
        boolean open = fields[3].equals("0A") || table.startsWith("udp");
        if (open && held.contains("socket:[" + fields[9] + "]")) {
          addresses.add(fields[1].replaceFirst("^0+FFFF0000", ""));
        }
      }
    }
    return addresses;
  }

  private static Set<String> descriptors(long pid) throws IOException {
    Set<String> held = new TreeSet<>();
    try (Stream<Path> descriptors = Files.list(Path.of("/proc/" + pid + "/fd"))) {
      for (Path descriptor : descriptors.toList()) {
        held.add(target(descriptor));
      }
    }
    return held;
  }

  private static String target(Path descriptor) {
    try {
      return Files.readSymbolicLink(descriptor).toString();
    } catch (IOException e) {
      return ""; // closed meanwhile
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {0, 65534})
  void podOnTheHostReachesThePortOfStreamsAndNoStream(long uid) throws Exception {
    String url = at.pods().execUrl(victim, "true");
    String guessed = url.substring(0, url.lastIndexOf('/') + 1) + GUESS;
    String origin = url.substring(0, url.indexOf("/exec/"));
    for (String tried :
        List.of(guessed, guessed.replace("/exec/", "/attach/"), origin + "/", origin + "/exec/")) {
      Pods.Ended answer = inPod(uid, "wget -q -O - " + tried);
      assertThat(answer.exitCode()).as(tried).isNotZero();
      assertThat(answer.stdout()).as(tried).isEmpty();
      assertThat(answer.stderr()).as(tried).contains("404");
    }
    assertUnspent(url);
    assertThat(inPod(uid, "wget -q -O - " + url).stderr()).as("a spent one").contains("404");
  }

  @Test
  void anotherUserReachesThePortOfStreamsAndNoStream() throws Exception {
    String url = at.pods().execUrl(victim, "true");
    String guessed = url.substring(0, url.lastIndexOf('/') + 1) + GUESS;
    assertThat(statusFor(guessed)).isEqualTo("404");
    assertUnspent(url);
    assertThat(statusFor(url)).isEqualTo("404");
  }

  /** Guessing wrong spends nobody's token. */
  private static void assertUnspent(String url) throws Exception {
    try (var client = new SpdyClient(url, "v4.channel.k8s.io")) {
      assertThat(client.response()).startsWith("HTTP/1.1 101 ");
    }
  }

  /** Asks as the user nobody, and returns the status of the answer. */
  private static String statusFor(String url) {
    String words = "setpriv --reuid=65534 --regid=65534 --clear-groups curl -s -o /dev/null";
    return Command.run(
            Map.of("no_proxy", "*"),
            Stream.concat(
                    Stream.of(words.split(" ")),
                    Stream.of("-w", "%{http_code}", "--max-time", "5", url))
                .toList())
        .stdout();
  }
}
