package dev.berth.runtime.task;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.errorprone.annotations.Immutable;
import dev.berth.base.AtomicFiles;
import dev.berth.base.BerthException;
import dev.berth.runtime.spec.ContainerProcess;
import dev.berth.runtime.spec.Device;
import dev.berth.runtime.spec.IdMapping;
import dev.berth.runtime.spec.Linux;
import dev.berth.runtime.spec.Mount;
import dev.berth.runtime.spec.Namespace;
import dev.berth.runtime.spec.RuntimeSpec;
import dev.berth.testing.BusyboxBundle;
import dev.berth.testing.RequiresRoot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Rule R3: images that have something else than a directory or a device where a container is built
 * change nothing on the host. A container either is made as its spec says or is not made.
 */
@RequiresRoot
class HostileRootfsTest {
  /** Where mounts, devices, masks, the console and the working directory go. */
  private static final List<String> PLACES =
      List.of(
          "dev",
          "proc",
          "sys",
          "dev/pts",
          "dev/shm",
          "dev/null",
          "dev/zero",
          "dev/console",
          "dev/ptmx",
          "dev/extra",
          "data",
          "data/deep",
          "etc",
          "etc/hosts",
          "masked",
          "readonly",
          "made",
          "made/here",
          "srv",
          "srv/node");

  /** Not in a user namespace: there each is the host's node of the same path. */
  private static final List<Device> DEVICES =
      List.of(
          new Device("/dev/extra", "c", 1, 5, 0666, null, null),
          new Device("/srv/node", "c", 1, 5, 0666, null, null));

  private static final String UP = "../../../../../../../../../../../..";
  private static final int SHIFT = 100_000;

  /** What is put there; the argument is a directory of the host with a file and a directory. */
  enum Obstacle {
    LINK_TO_DIRECTORY(
        (place, outside) -> Files.createSymbolicLink(place, outside.resolve("directory"))),
    LINK_TO_FILE((place, outside) -> Files.createSymbolicLink(place, outside.resolve("file"))),
    LINK_TO_NOTHING(
        (place, outside) -> Files.createSymbolicLink(place, outside.resolve("directory/missing"))),
    LINK_UPWARDS(
        (place, outside) -> Files.createSymbolicLink(place, Path.of(UP + outside + "/directory"))),
    LINK_UPWARDS_TO_FILE(
        (place, outside) -> Files.createSymbolicLink(place, Path.of(UP + outside + "/file"))),
    MAGIC_LINK((place, outside) ->
        Files.createSymbolicLink(place, Path.of("/proc/1/root" + outside + "/directory"))),
    FILE((place, outside) -> Files.createFile(place)),
    FIFO((place, outside) -> makeNode(place, "p")),
    DEVICE((place, outside) -> makeNode(place, "c", "1", "5")),
    DIRECTORY((place, outside) -> Files.createDirectory(place));

    @Immutable
    private interface Maker {
      void make(Path place, Path outside) throws IOException;
    }

    private final Maker maker;

    Obstacle(Maker maker) {
      this.maker = maker;
    }
  }

  private TaskFixture fixture;
  private Path outside;
  private int made;

  @BeforeEach
  void open() throws IOException {
    fixture = new TaskFixture();
    outside = Files.createDirectory(fixture.base.resolve("outside"));
    Files.createDirectory(outside.resolve("directory"));
    Files.writeString(outside.resolve("file"), "of the host\n");
    Files.createDirectory(fixture.base.resolve("volume"));
    Files.writeString(fixture.base.resolve("hosts"), "127.0.0.1 localhost\n");
  }

  @AfterEach
  void close() throws IOException {
    fixture.close();
  }

  @ParameterizedTest
  @EnumSource
  void hostIsUnchangedWithFreshDev(Obstacle obstacle) throws IOException {
    tryEveryPlace(obstacle, BusyboxBundle.mounts(), BusyboxBundle.linux().build());
  }

  /** Devices, the console and /dev/pts are then made in what the image has at /dev. */
  @ParameterizedTest
  @EnumSource
  void hostIsUnchangedWithTheDevOfTheImage(Obstacle obstacle) throws IOException {
    List<Mount> mounts = new ArrayList<>(BusyboxBundle.mounts());
    mounts.removeIf(mount -> mount.destination().equals("/dev"));
    tryEveryPlace(obstacle, mounts, BusyboxBundle.linux().build());
  }

  @ParameterizedTest
  @EnumSource
  void hostIsUnchangedUnderAUserNamespace(Obstacle obstacle) throws IOException {
    IdMapping map = new IdMapping(0, SHIFT, 65_536);
    List<Namespace> namespaces = new ArrayList<>(BusyboxBundle.linux().build().namespaces());
    namespaces.add(Namespace.fresh("user"));
    Linux linux =
        BusyboxBundle.linux()
            .namespaces(namespaces)
            .uidMappings(List.of(map))
            .gidMappings(List.of(map))
            .build();
    tryEveryPlace(obstacle, BusyboxBundle.mounts(), linux);
  }

  private void tryEveryPlace(Obstacle obstacle, List<Mount> mounts, Linux linux)
      throws IOException {
    Map<String, String> inventory = Inventory.of(outside);
    Map<String, String> top = names(Path.of("/"));
    Map<String, String> devices = names(Path.of("/dev"));
    String before = HostState.read(fixture.base);
    for (String place : PLACES) {
      Path rootfs = BusyboxBundle.makeRootfs(fixture.base.resolve("image"));
      put(obstacle, rootfs.resolve(place));
      if (!linux.uidMappings().isEmpty()) {
        giveAway(rootfs);
      }
      tryContainer(rootfs, mounts, linux);
      AtomicFiles.deleteTree(rootfs);
      assertThat(Inventory.of(outside)).as("%s at /%s", obstacle, place).isEqualTo(inventory);
    }
    assertThat(names(Path.of("/"))).isEqualTo(top);
    assertThat(names(Path.of("/dev"))).isEqualTo(devices);
    assertThat(HostState.read(fixture.base)).isEqualTo(before);
    System.out.println(obstacle + ": " + made + " of " + PLACES.size() + " containers made");
  }

  private void put(Obstacle obstacle, Path place) throws IOException {
    Files.createDirectories(place.getParent());
    if (Files.exists(place, LinkOption.NOFOLLOW_LINKS)) {
      AtomicFiles.deleteTree(place);
    }
    obstacle.maker.make(place, outside);
  }

  /** The container's own root may do what it likes there. */
  private static void giveAway(Path rootfs) throws IOException {
    try (Stream<Path> files = Files.walk(rootfs)) {
      for (Path file : files.toList()) {
        Files.setAttribute(file, "unix:uid", SHIFT, LinkOption.NOFOLLOW_LINKS);
        Files.setAttribute(file, "unix:gid", SHIFT, LinkOption.NOFOLLOW_LINKS);
      }
    }
  }

  /** Refused with a reason, or made: then its devices are the real ones. */
  private void tryContainer(Path rootfs, List<Mount> mounts, Linux linux) throws IOException {
    Path log = fixture.base.resolve("try.log");
    TaskSpec spec =
        new TaskSpec(
            "try",
            fixture.base,
            spec(rootfs, mounts, linux),
            new dev.berth.runtime.plan.Rootfs.Directory(rootfs.toString()),
            new TaskIo.Log(log));
    Task task;
    try {
      task = fixture.tasks.create(spec);
    } catch (BerthException e) {
      assertThat(e)
          .hasMessageMatching("(?s)(mounts|linux|process|default devices|root).*E[A-Z]+.*");
      return;
    }
    try (task) {
      made++;
      task.start();
      assertThat(task.await(TaskFixture.LIMIT)).isPresent();
      task.delete();
    }
    assertThat(CriLog.read(log).content().replace("\r", "")).isEqualTo("1:3\n1:5\n");
    Files.delete(log);
  }

  private RuntimeSpec spec(Path rootfs, List<Mount> common, Linux linux) {
    List<Mount> mounts = new ArrayList<>(common);
    mounts.add(new Mount("/dev/shm", "tmpfs", "shm", List.of("size=64k", "ro")));
    mounts.add(
        new Mount(
            "/data/deep", "bind", fixture.base.resolve("volume").toString(), List.of("rbind")));
    mounts.add(
        new Mount(
            "/etc/hosts",
            "bind",
            fixture.base.resolve("hosts").toString(),
            List.of("rbind", "ro")));
    ContainerProcess process =
        BusyboxBundle.process("sh", "-c", "stat -c %t:%T /dev/null; stat -c %t:%T /dev/zero")
            .terminal(true)
            .cwd("/made/here")
            .build();
    return BusyboxBundle.spec(rootfs, "")
        .mounts(mounts)
        .process(process)
        .linux(
            linux.toBuilder()
                .devices(linux.uidMappings().isEmpty() ? DEVICES : List.of())
                .maskedPaths(List.of("/proc/keys", "/masked"))
                .readonlyPaths(List.of("/proc/sys", "/readonly"))
                .build())
        .build();
  }

  private static Map<String, String> names(Path directory) throws IOException {
    try (Stream<Path> entries = Files.list(directory)) {
      Map<String, String> names = new java.util.TreeMap<>();
      for (Path entry : entries.toList()) {
        names.put(
            entry.toString(),
            Files.getAttribute(entry, "unix:mode", LinkOption.NOFOLLOW_LINKS).toString());
      }
      return names;
    }
  }

  private static void makeNode(Path place, String... type) throws IOException {
    List<String> command = new ArrayList<>(List.of("mknod", place.toString()));
    command.addAll(List.of(type));
    try {
      assertThat(new ProcessBuilder(command).inheritIO().start().waitFor()).isZero();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException(e);
    }
  }
}
