package dev.berth.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.berth.proto.cri.v1.PodSandboxConfig;
import dev.berth.testing.RequiresRoot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** While a pod runs, nobody but root sees anything of it or reaches a socket (R17, R18). */
@RequiresRoot
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class StateAccessTest {
  private static final String NOBODY = "setpriv --reuid=65534 --regid=65534 --clear-groups";

  /** What containers see, whose processes are not root; nobody else comes as far as these. */
  private static final Set<String> FOR_CONTAINERS = Set.of("hosts", "resolv.conf", "hostname");

  @TempDir private static Path directory;
  private PrivateHost host;
  private TestRegistry registry;
  private BerthNode node;
  private Pods pods;

  @BeforeAll
  void runAPod() throws Exception {
    host = new PrivateHost(directory.resolve("host"));
    registry = new TestRegistry(directory.resolve("registry"));
    node = BerthNode.start(directory, host);
    pods = new Pods(node);
    String image = pods.pull(registry.busybox());
    PodSandboxConfig config = pods.configWithPause("secret");
    pods.launch(pods.run(config), config, Pods.shell("main", image, "exec sleep 1000"));
  }

  @AfterAll
  void stop() throws IOException {
    node.close();
    registry.close();
    host.close();
  }

  @Test
  void directoriesAndFilesAreOpenToRootAlone() {
    assertThat(entries("state", node.state()))
        .contains("d 711 state", "d 700 state/tasks", "d 700 state/sandboxes", "d 700 state/shim")
        .allMatch(StateAccessTest::isPrivate);
    assertThat(entries("root", node.root()))
        .contains("d 700 root", "d 700 root/images/layers", "d 700 root/metadata")
        .allMatch(StateAccessTest::isPrivate);
  }

  /** Lists type, mode and path of all that is not part of a file system of a container. */
  private static List<String> entries(String name, Path top) {
    String inContainers = "-name fs -o -name rootfs -o -name shm -o -path */snapshots/*/work/work";
    List<String> words = new ArrayList<>(List.of("find", top.toString(), "("));
    words.addAll(List.of(inContainers.split(" ")));
    words.addAll(List.of(")", "-prune", "-o", "-printf", "%y %m " + name + "/%P\n"));
    return Command.output(words.toArray(String[]::new))
        .lines()
        .map(line -> line.replaceAll("/$", ""))
        .toList();
  }

  private static boolean isPrivate(String entry) {
    String[] fields = entry.split(" ", 3);
    String name = fields[2].substring(fields[2].lastIndexOf('/') + 1);
    boolean pinned = fields[2].matches(".*/sandboxes/\\w+/ns/\\w+"); // the kernel's own mode
    return switch (fields[0]) {
      case "d" -> fields[1].equals(fields[2].equals("state") ? "711" : "700");
      case "s" -> fields[1].equals(name.equals("berthd.sock") ? "660" : "600");
      default -> pinned || fields[1].equals(FOR_CONTAINERS.contains(name) ? "644" : "600");
    };
  }

  @Test
  void anotherUserFindsNothing() {
    String sandbox = node.state() + "/sandboxes/" + pods.list().getFirst();
    for (String path :
        List.of(node.root().toString(), node.state() + "/tasks", sandbox, sandbox + "/hosts")) {
      assertThat(asRoot("test -e " + path)).as(path).isZero();
      assertThat(asRoot(NOBODY + " ls " + path)).as(path).isNotZero();
    }
    assertThat(asRoot(NOBODY + " ls " + node.state())).isNotZero();
  }

  private static int asRoot(String command) {
    return Command.run(Map.of(), List.of(command.split(" "))).exitCode();
  }

  @ParameterizedTest
  @ValueSource(strings = {NOBODY, NOBODY + " unshare --user --map-root-user --pid --fork"})
  void socketsRefuseOtherUsersAndTheRootOfTheirNamespaces(String as) {
    List<String> sockets =
        Command.output("find", node.state().toString(), "-type", "s").lines().toList();
    assertThat(sockets.stream().map(path -> path.substring(path.lastIndexOf('/') + 1)))
        .contains("berthd.sock", "events.sock", "s", "control");
    assertThat(connect("", node.socket().toString())).isEmpty();
    assertThat(sockets)
        .allSatisfy(path -> assertThat(connect(as, path)).isEqualTo("Permission denied"));
  }

  /** Connects by its name alone, since a path may be longer than a socket address. */
  private static String connect(String as, String path) {
    int slash = path.lastIndexOf('/');
    String script =
        """
        use Socket;
        my ($directory, $name) = @ARGV;
        chdir($directory) or print("$!"), exit;
        for my $type (SOCK_STREAM, SOCK_SEQPACKET) {
          socket(my $socket, AF_UNIX, $type, 0) or die;
          connect($socket, sockaddr_un($name)) and exit;
          $!{EPROTOTYPE} or print("$!"), exit;
        }
        """;
    List<String> words = new ArrayList<>();
    words.addAll(as.isEmpty() ? List.of() : List.of(as.split(" ")));
    words.addAll(
        List.of("perl", "-e", script, path.substring(0, slash), path.substring(slash + 1)));
    return Command.run(Map.of("LC_ALL", "C"), words).succeeded().stdout();
  }

  @Test
  void noSocketHasAnAddressWithoutAFile() throws IOException {
    List<String> sockets =
        Files.readAllLines(Path.of("/proc/net/unix")).stream()
            .filter(line -> line.contains(node.instance()))
            .map(line -> line.split(" +", 8)[7])
            .toList();
    assertThat(sockets).isNotEmpty().allMatch(path -> path.startsWith("/"));
  }
}
