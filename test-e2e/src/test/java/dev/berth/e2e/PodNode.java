package dev.berth.e2e;

import java.io.IOException;
import java.nio.file.Path;

/** A node that can run pods: a private host, a registry, berthd, and an image already pulled. */
record PodNode(PrivateHost host, TestRegistry registry, BerthNode node, Pods pods, String image)
    implements AutoCloseable {
  static PodNode start(Path directory) throws Exception {
    PrivateHost host = new PrivateHost(directory.resolve("host"));
    TestRegistry registry = new TestRegistry(directory.resolve("registry"));
    BerthNode node = BerthNode.start(directory, host);
    Pods pods = new Pods(node);
    return new PodNode(host, registry, node, pods, pods.pull(registry.busybox()));
  }

  @Override
  public void close() throws IOException {
    node.close();
    registry.close();
    host.close();
  }
}
