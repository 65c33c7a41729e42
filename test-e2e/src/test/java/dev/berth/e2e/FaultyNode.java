package dev.berth.e2e;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;

/**
 * A node that can be hurt: plugins that have traps, a registry that can be killed, a disk that can
 * be filled. Logs are elsewhere, as on nodes that can be helped.
 */
final class FaultyNode implements AutoCloseable {
  private static final int DISK_MEGABYTES = 128;
  private static final int DISK_NAMES = 60_000;

  private final Path directory;
  private final PrivateHost host;
  private final TestRegistry registry;
  private final SmallDisk disk;
  private final BerthNode node;
  private final Pods pods;
  private final String image;
  private final String pulled;

  FaultyNode(Path directory) throws Exception {
    this.directory = directory;
    this.host = new PrivateHost(directory.resolve("host"));
    this.registry = new TestRegistry(directory.resolve("registry"));
    this.disk = new SmallDisk(directory.resolve("disk"), DISK_MEGABYTES, DISK_NAMES);
    this.node = BerthNode.startOnDisk(disk.path(), directory, host, "--cni-timeout=5s");
    this.pods = new Pods(node);
    this.image = pods.pull(registry.busybox());
    this.pulled = registry.push("pulled", registry.noise(1 << 20));
    host.beginPlugins(
        "[ -e "
            + trap()
            + " ] && mv "
            + trap()
            + " "
            + trap()
            + ".$$ 2>/dev/null && . "
            + trap()
            + ".$$");
  }

  private Path trap() {
    return directory.resolve("trap");
  }

  /** Lets the next plugin that is called run a line of shell first. */
  void trapPlugin(String script) throws IOException {
    Path next = directory.resolve("trap.next");
    Files.writeString(next, script + "\n");
    Files.move(next, trap(), StandardCopyOption.REPLACE_EXISTING);
  }

  /** Takes away a trap that nobody went into. */
  void disarmPlugins() throws IOException {
    Files.deleteIfExists(trap());
  }

  BerthNode berth() {
    return node;
  }

  Pods pods() {
    return pods;
  }

  PrivateHost host() {
    return host;
  }

  TestRegistry registry() {
    return registry;
  }

  SmallDisk disk() {
    return disk;
  }

  /** Returns the id of an image that is there. */
  String image() {
    return image;
  }

  /** Returns the reference of an image to pull and remove. */
  String pulled() {
    return pulled;
  }

  /** Returns where pods' logs go. */
  Path podLogs() {
    return directory.resolve("pods");
  }

  /** Copies what berthd and the shim have said to a directory. */
  void keepLogs(Path to) throws IOException {
    Files.writeString(to.resolve("berthd.log"), node.berthdLog());
    Files.copy(
        node.shimDirectory().resolve("log"),
        to.resolve("shim.log"),
        StandardCopyOption.REPLACE_EXISTING);
  }

  @Override
  public void close() throws IOException {
    node.close();
    disk.close();
    registry.close();
    host.close();
  }
}
