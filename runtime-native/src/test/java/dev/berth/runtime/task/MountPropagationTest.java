package dev.berth.runtime.task;

import static org.assertj.core.api.Assertions.assertThat;

import dev.berth.runtime.spec.IdMapping;
import dev.berth.runtime.spec.Linux;
import dev.berth.runtime.spec.Mount;
import dev.berth.runtime.spec.Namespace;
import dev.berth.runtime.spec.RuntimeSpec;
import dev.berth.testing.BusyboxBundle;
import dev.berth.testing.RequiresRoot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * Rule R3: what is mounted while a container is made, or by it, shows on the host only where a
 * mount asks for that. The volume lies on a shared mount, as everything does under systemd.
 */
@RequiresRoot
class MountPropagationTest {
  private TaskFixture fixture;
  private Path shared;

  @BeforeEach
  void open() throws Exception {
    fixture = new TaskFixture();
    shared = Files.createDirectory(fixture.base.resolve("shared"));
    run("mount", "-t", "tmpfs", "shared", shared.toString());
    run("mount", "--make-shared", shared.toString());
    Files.createDirectory(
        fixture.rootfs.resolve("data")); // root of a user namespace may not make it
    for (String name : List.of("sub", "masked", "readonly", "own")) {
      Files.createDirectory(shared.resolve(name));
    }
  }

  @AfterEach
  void close() throws Exception {
    run("umount", "-l", shared.toString());
    fixture.close();
  }

  @Test
  void nothingShowsOnTheHost() throws IOException {
    String before = HostState.read(fixture.base);
    fixture.run(spec(List.of("rbind", "rw"), BusyboxBundle.linux()).build());
    assertThat(HostState.read(fixture.base)).isEqualTo(before);
  }

  /** The sources are opened before the user namespace exists, in the host's mount namespace. */
  @Test
  void nothingShowsOnTheHostFromAUserNamespace() throws IOException {
    IdMapping map = new IdMapping(0, 100_000, 65_536);
    List<Namespace> namespaces = new ArrayList<>(BusyboxBundle.linux().build().namespaces());
    namespaces.add(Namespace.fresh("user"));
    Linux.Builder linux =
        BusyboxBundle.linux()
            .namespaces(namespaces)
            .uidMappings(List.of(map))
            .gidMappings(List.of(map));
    String before = HostState.read(fixture.base);
    try (Task task = fixture.create("c", spec(List.of("rbind", "rw"), linux).build())) {
      assertThat(HostState.read(fixture.base).lines().count())
          .as("one stub more, no mount more")
          .isEqualTo(before.lines().count());
      assertThat(mountsUnder(shared)).isEmpty();
      task.start();
      task.await(TaskFixture.LIMIT);
      assertThat(mountsUnder(shared)).isEmpty();
      task.delete();
    }
    assertThat(HostState.read(fixture.base)).isEqualTo(before);
  }

  /** What the host mounts later shows inside by default, as with the reference runtime. */
  @Test
  void mountsOfTheHostArriveInside() throws Exception {
    for (boolean userNamespace : List.of(false, true)) {
      Linux.Builder linux = BusyboxBundle.linux().maskedPaths(List.of()).readonlyPaths(List.of());
      if (userNamespace) {
        IdMapping map = new IdMapping(0, 100_000, 65_536);
        List<Namespace> namespaces = new ArrayList<>(BusyboxBundle.linux().build().namespaces());
        namespaces.add(Namespace.fresh("user"));
        linux.namespaces(namespaces).uidMappings(List.of(map)).gidMappings(List.of(map));
      }
      String script = "until grep ' /data/own ' /proc/mounts >/dev/null; do :; done; echo seen";
      List<Mount> mounts = new ArrayList<>(BusyboxBundle.mounts());
      mounts.add(new Mount("/data", "bind", shared.toString(), List.of("rbind", "rslave")));
      RuntimeSpec spec = fixture.spec(script).mounts(mounts).linux(linux.build()).build();
      try (Task task = fixture.create("c", spec)) {
        task.start();
        run("mount", "-t", "tmpfs", "late", shared.resolve("own").toString());
        assertThat(task.await(TaskFixture.LIMIT)).isPresent();
        task.delete();
      } finally {
        run("umount", shared.resolve("own").toString());
      }
    }
    assertThat(CriLog.read(fixture.log()).content()).isEqualTo("seen\nseen\n");
  }

  /** Bidirectional mount propagation of Kubernetes: rshared, and a root that does not cut it. */
  @Test
  void sharedMountShowsWhatTheContainerMounts() throws IOException {
    List<String> capabilities = List.of("CAP_SYS_ADMIN");
    List<Mount> mounts = new ArrayList<>(BusyboxBundle.mounts());
    mounts.add(new Mount("/data", "bind", shared.toString(), List.of("rbind", "rshared")));
    RuntimeSpec spec =
        fixture
            .spec("")
            .mounts(mounts)
            .process(
                BusyboxBundle.process("mount", "-t", "tmpfs", "inner", "/data/own")
                    .capabilities(
                        new dev.berth.runtime.spec.Capabilities(
                            capabilities, capabilities, List.of(), capabilities, List.of()))
                    .build())
            .linux(BusyboxBundle.linux().rootfsPropagation("rshared").build())
            .build();
    assertThat(fixture.run(spec)).isEqualTo("exit 0\n");
    assertThat(mountsUnder(shared)).singleElement().asString().contains("/own ");
  }

  private RuntimeSpec.Builder spec(List<String> options, Linux.Builder linux) {
    List<Mount> mounts = new ArrayList<>(BusyboxBundle.mounts());
    mounts.add(new Mount("/data", "bind", shared.toString(), options));
    mounts.add(new Mount("/data/sub", "tmpfs", "tmpfs", List.of("size=64k")));
    return fixture
        .spec("ls /data")
        .mounts(mounts)
        .linux(
            linux
                .maskedPaths(List.of("/data/masked"))
                .readonlyPaths(List.of("/data/readonly"))
                .build());
  }

  private static List<String> mountsUnder(Path directory) throws IOException {
    return Files.readAllLines(Path.of("/proc/self/mountinfo")).stream()
        .filter(line -> line.contains(" " + directory + "/"))
        .toList();
  }

  private static void run(String... command) throws IOException, InterruptedException {
    assertThat(new ProcessBuilder(command).inheritIO().start().waitFor())
        .as(String.join(" ", command))
        .isZero();
  }
}
