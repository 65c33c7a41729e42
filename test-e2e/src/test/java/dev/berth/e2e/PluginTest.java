package dev.berth.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.berth.proto.cri.v1.PodSandboxConfig;
import dev.berth.proto.nri.ContainerAdjustment;
import dev.berth.proto.nri.KeyValue;
import dev.berth.testing.RequiresRoot;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Plugins of the Node Resource Interface at the socket of the built distribution. */
@RequiresRoot
class PluginTest {
  private static final ContainerAdjustment COLOR =
      ContainerAdjustment.newBuilder()
          .addEnv(KeyValue.newBuilder().setKey("COLOR").setValue("blue"))
          .build();

  @TempDir private Path directory;

  @Test
  void pluginIsToldOfPodsAndAdjustsTheirContainers() throws Exception {
    try (PodNode running = PodNode.start(directory);
        NodePlugin plugin = NodePlugin.join(running.node().state().resolve("nri.sock"), COLOR)) {
      Pods pods = running.pods();
      PodSandboxConfig config = pods.config("plugin");
      String pod = pods.run(config);
      String id = pods.launch(pod, config, Pods.shell("main", running.image(), "sleep 1000"));

      assertThat(environment(pods, id)).contains("COLOR=blue");
      pods.remove(pod);
      assertThat(plugin.events())
          .containsExactly(
              "RUN_POD_SANDBOX",
              "CREATE_CONTAINER",
              "POST_CREATE_CONTAINER",
              "START_CONTAINER",
              "POST_START_CONTAINER",
              "STOP_CONTAINER",
              "STOP_POD_SANDBOX",
              "REMOVE_CONTAINER",
              "REMOVE_POD_SANDBOX");
    }
  }

  private static String environment(Pods pods, String id) {
    return pods.exec(id, 10, "sh", "-c", "tr '\\0' '\\n' < /proc/1/environ")
        .getStdout()
        .toStringUtf8();
  }

  @Test
  void nothingOfPluginsIsLoadedBeforeOneConnects() throws Exception {
    Path classes = directory.resolve("classes.log");
    try (PrivateHost host = new PrivateHost(directory.resolve("host"));
        TestRegistry registry = new TestRegistry(directory.resolve("registry"));
        BerthNode node =
            BerthNode.startWithJvmOptions(
                directory, host, "-Xlog:class+load=info:file=" + classes)) {
      Pods pods = new Pods(node);
      String image = pods.pull(registry.busybox());
      PodSandboxConfig config = pods.config("lean");
      String pod = pods.run(config);
      String _ = pods.launch(pod, config, Pods.shell("main", image, "sleep 1000"));
      pods.remove(pod);

      assertThat(node.state().resolve("nri.sock")).exists();
      try (Stream<String> lines = Files.lines(classes)) {
        assertThat(lines)
            .noneMatch(line -> line.contains("dev.berth.proto.nri."))
            .noneMatch(line -> line.contains("dev.berth.sandbox.nri.NriPlugin "));
      }
    }
  }
}
