package dev.berth.sandbox;

import static org.assertj.core.api.Assertions.assertThat;

import dev.berth.proto.cri.v1.ContainerConfig;
import dev.berth.proto.cri.v1.PodSandboxConfig;
import dev.berth.proto.cri.v1.SELinuxOption;
import dev.berth.testing.RequiresRoot;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** SELinux options where the kernel has no SELinux: they are taken, and nothing comes of them. */
@RequiresRoot
final class SelinuxContainerTest {
  private static final SELinuxOption OPTIONS =
      SELinuxOption.newBuilder().setType("my_t").setLevel("s0:c1,c2").build();

  @TempDir Path directory;
  private TestNode node;

  @BeforeEach
  void open() throws Exception {
    node = new TestNode(directory, "berth");
  }

  @AfterEach
  void close() throws Exception {
    node.close();
  }

  @Test
  void optionsOfAPodAndItsContainerAreAccepted() throws Exception {
    PodSandboxConfig.Builder config = node.pod("labelled");
    config.getLinuxBuilder().getSecurityContextBuilder().setSelinuxOptions(OPTIONS);
    SandboxStatus pod = node.run(config);
    ContainerConfig.Builder main = node.container("main", "/bin/sleep", "1000");
    main.getLinuxBuilder().getSecurityContextBuilder().setSelinuxOptions(OPTIONS);
    ContainerStatus container = node.start(pod, main);

    assertThat(node.exec(container.id(), "echo", "runs")).isEqualTo("runs\n");
    boolean selinux = Files.exists(Path.of("/sys/fs/selinux/enforce"));
    assertThat(Files.readString(spec(container)).contains("my_t")).isEqualTo(selinux);
    node.remove(pod);
    node.assertNothingLeft();
  }

  private Path spec(ContainerStatus container) {
    return directory.resolve("state/tasks").resolve(container.id()).resolve("config.json");
  }
}
