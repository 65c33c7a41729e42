package dev.berth.runtime.task;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.base.BerthException;
import dev.berth.runtime.kernel.DirFd;
import dev.berth.runtime.kernel.Fd;
import dev.berth.runtime.kernel.NamespaceType;
import dev.berth.runtime.kernel.Namespaces;
import dev.berth.runtime.plan.Rootfs;
import dev.berth.runtime.spec.IdMapping;
import dev.berth.runtime.spec.IdMappings;
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
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

@RequiresRoot
class IdMappedMountsTest {
  private static final List<IdMapping> MAP = List.of(new IdMapping(0, 100_000, 65_536));
  private static final IdMappings IDS = new IdMappings(MAP, MAP);

  private TaskFixture fixture;
  private Path volume;

  @BeforeEach
  void open() throws IOException {
    fixture = new TaskFixture();
    Files.createDirectory(fixture.rootfs.resolve("data"));
    volume = Files.createDirectory(fixture.base.resolve("volume"));
    Files.writeString(volume.resolve("roots"), "");
    Files.writeString(volume.resolve("users"), "");
    Files.setAttribute(volume.resolve("users"), "unix:uid", 1000);
  }

  @AfterEach
  void close() throws IOException {
    fixture.close();
  }

  @Test
  void volumeShowsItsIdsAndGetsThemInAUserNamespaceOfTheContainersOwn() throws IOException {
    assertThat(runWithVolume(Namespace.fresh("user"), new Mapped(List.of("bind", "idmap"), false)))
        .isEqualTo("0 1000\nexit 0\n");
    assertThat(owner(volume.resolve("new"))).isEqualTo(0);
  }

  @Test
  void volumeShowsItsIdsAndGetsThemInAJoinedUserNamespace() throws IOException {
    Path pins = Files.createDirectory(fixture.base.resolve("ns"));
    try (DirFd directory = DirFd.open(pins)) {
      var made =
          new UserNamespaces(fixture.program())
              .create(IDS, Set.of(NamespaceType.NETWORK, NamespaceType.IPC));
      try {
        Map<NamespaceType, Namespaces.Pin> names = new EnumMap<>(NamespaceType.class);
        made.keySet()
            .forEach(type -> names.put(type, new Namespaces.Pin(directory, type.procName())));
        Namespaces.pin(made, names);
      } finally {
        made.values().forEach(Fd::close);
      }
      try {
        String user = pins.resolve("user").toString();
        assertThat(runWithVolume(Namespace.join("user", user), new Mapped(List.of("rbind"), true)))
            .isEqualTo("0 1000\nexit 0\n");
        assertThat(owner(volume.resolve("new"))).isEqualTo(0);
      } finally {
        made.keySet().forEach(type -> Namespaces.unpin(directory, type.procName()));
      }
    }
  }

  @Test
  void volumeCanBeMappedWithoutAUserNamespace() throws IOException {
    Linux linux = BusyboxBundle.linux().build();
    assertThat(fixture.run(withVolume(linux, new Mapped(List.of("bind"), true))))
        .isEqualTo("100000 101000\nexit 1\n"); // root of the host is nobody to this mount
  }

  @Test
  void fileSystemThatCannotBeMappedIsNamed() {
    Mount mount = new Mount("/data", "bind", "/proc/self", List.of("bind"), MAP, MAP);
    RuntimeSpec spec =
        fixture
            .spec("true")
            .mounts(with(BusyboxBundle.mounts(), mount))
            .linux(linux(Namespace.fresh("user")))
            .build();
    assertThatThrownBy(() -> fixture.create("c", spec))
        .isInstanceOf(BerthException.class)
        .hasMessageContaining("/data: mount_setattr MOUNT_ATTR_IDMAP")
        .hasMessageContaining("EINVAL");
  }

  @Test
  void layersOfTheRootShowTheirIdsAndWhatIsWrittenHasTheHosts() throws IOException {
    Path upper = Files.createDirectories(fixture.base.resolve("upper"));
    Path work = Files.createDirectories(fixture.base.resolve("work"));
    Path second = Files.createDirectories(fixture.base.resolve("second/etc"));
    Files.writeString(second.resolve("mine"), "old");
    Files.setAttribute(upper, "unix:uid", 100_000);
    Files.setAttribute(upper, "unix:gid", 100_000);
    List<String> options = new ArrayList<>(IDS.toMountOptions());
    options.add("lowerdir=" + second.getParent() + ":" + fixture.rootfs);
    options.add("upperdir=" + upper);
    options.add("workdir=" + work);
    RuntimeSpec spec =
        fixture
            .spec("stat -c '%u %g' /bin/busybox; echo new > /etc/mine; chown 7:8 /etc/mine")
            .linux(linux(Namespace.fresh("user")))
            .build();
    var task =
        new TaskSpec(
            "c",
            fixture.base,
            spec,
            new Rootfs.Mounted(fixture.rootfs.toString(), "overlay", "overlay", options),
            new TaskIo.Log(fixture.log()));
    try (Task created = fixture.tasks.create(task)) {
      created.start();
      assertThat(created.await(TaskFixture.LIMIT).orElseThrow().code()).isZero();
      created.delete();
    }
    assertThat(CriLog.read(fixture.log()).content()).isEqualTo("0 0\n");
    assertThat(owner(upper.resolve("etc/mine"))).isEqualTo(100_007);
    assertThat(second.resolve("mine")).hasContent("old");
  }

  /** How a volume is mounted. */
  private record Mapped(List<String> options, boolean explicitly) {}

  private String runWithVolume(Namespace user, Mapped how) throws IOException {
    return fixture.run(withVolume(linux(user), how));
  }

  private RuntimeSpec withVolume(Linux linux, Mapped how) {
    List<IdMapping> map = how.explicitly() ? MAP : List.of();
    return fixture
        .spec("echo $(stat -c %u /data/roots /data/users); touch /data/new 2>/dev/null")
        .hostname(null)
        .mounts(
            with(
                BusyboxBundle.mounts(),
                new Mount("/data", "bind", volume.toString(), how.options(), map, map)))
        .linux(linux)
        .build();
  }

  private static List<Mount> with(List<Mount> mounts, Mount another) {
    List<Mount> all = new ArrayList<>(mounts);
    all.add(another);
    return all;
  }

  private static Linux linux(Namespace user) {
    List<Namespace> namespaces = new ArrayList<>(BusyboxBundle.linux().build().namespaces());
    namespaces.add(user);
    return BusyboxBundle.linux().namespaces(namespaces).uidMappings(MAP).gidMappings(MAP).build();
  }

  private static int owner(Path file) throws IOException {
    return (int) Files.getAttribute(file, "unix:uid", LinkOption.NOFOLLOW_LINKS);
  }
}
