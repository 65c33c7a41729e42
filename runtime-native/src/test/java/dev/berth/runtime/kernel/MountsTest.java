package dev.berth.runtime.kernel;

import static dev.berth.runtime.kernel.MountAttribute.NO_EXEC;
import static dev.berth.runtime.kernel.MountAttribute.NO_SETUID;
import static dev.berth.runtime.kernel.MountAttribute.READ_ONLY;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.testing.Await;
import dev.berth.testing.RequiresRoot;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@RequiresRoot
class MountsTest {
  private static final Duration LIMIT = Duration.ofSeconds(20);
  private static final Set<MountAttribute> NONE = EnumSet.noneOf(MountAttribute.class);

  @TempDir Path directory;
  private DirFd dir;

  @BeforeEach
  void open() {
    dir = DirFd.open(directory);
  }

  @AfterEach
  void unmount() {
    for (String name : List.of("target", "other")) {
      while (Mounts.detach(dir, name)) {
        // whatever a failed test has left
      }
    }
    dir.close();
  }

  @Test
  void aFileSystemIsMadeAndAttachedByDescriptor() throws IOException {
    Files.createDirectory(directory.resolve("target"));
    try (var context = FileSystemContext.open("tmpfs");
        Fd tree =
            context.set("size", "65536").set("mode", "1777").mount(EnumSet.of(NO_SETUID, NO_EXEC));
        Fd target = dir.place("target")) {
      Mounts.attach(tree, target);
    }
    assertThat(mountOptions("target")).contains("nosuid", "noexec", "relatime");
    try (Fd mounted = dir.place("target")) {
      assertThat(FileStatus.of(mounted).permissions()).isEqualTo(01777);
    }
    assertThat(Mounts.detach(dir, "target")).isTrue();
    assertThat(Mounts.detach(dir, "target")).isFalse();
    assertThat(Mounts.detach(dir, "absent")).isFalse();
  }

  @Test
  void theKernelsOwnWordsAreInTheError() {
    try (var context = FileSystemContext.open("tmpfs")) {
      assertThatThrownBy(() -> context.set("colour", "red"))
          .isInstanceOf(NativeException.class)
          .hasMessage(
              "fsconfig tmpfs colour=red: EINVAL (invalid argument): tmpfs: Unknown parameter"
                  + " 'colour'");
    }
    assertThatThrownBy(() -> FileSystemContext.open("nofs"))
        .hasMessage("fsopen nofs: ENODEV (no such device)");
  }

  @Test
  void overlayTakesDetachedLayersByDescriptor() throws IOException {
    Files.writeString(Files.createDirectory(directory.resolve("lower1")).resolve("one"), "1");
    Files.writeString(Files.createDirectory(directory.resolve("lower2")).resolve("two"), "2");
    Files.createDirectory(directory.resolve("target"));
    try (var context = FileSystemContext.open("overlay");
        Fd first = clone("lower1");
        Fd second = clone("lower2");
        Fd tree = context.set("lowerdir+", first).set("lowerdir+", second).mount(NONE);
        Fd target = dir.place("target")) {
      Mounts.attach(tree, target);
    }
    assertThat(directory.resolve("target/one")).hasContent("1");
    assertThat(directory.resolve("target/two")).hasContent("2");
  }

  @Test
  void attributesOfATreeReachMountsBelowIt() throws IOException {
    Files.createDirectories(directory.resolve("other"));
    Files.createDirectories(directory.resolve("target"));
    mountTmpfs("other");
    Files.createDirectory(directory.resolve("other/below"));
    try (DirFd other = DirFd.own(dir.place("other"))) {
      mountTmpfs(other, "below");
    }
    try (Fd source = dir.place("other");
        Fd tree = Mounts.cloneTree(source, true);
        Fd target = dir.place("target")) {
      Mounts.setAttributes(tree, EnumSet.of(READ_ONLY), NONE, true);
      Mounts.setPropagation(tree, Propagation.PRIVATE, true);
      Mounts.attach(tree, target);
    }
    assertThatThrownBy(() -> Files.writeString(directory.resolve("target/x"), "x"))
        .hasMessageContaining("Read-only");
    assertThatThrownBy(() -> Files.writeString(directory.resolve("target/below/x"), "x"))
        .hasMessageContaining("Read-only");
    Files.writeString(directory.resolve("other/below/x"), "x");
    assertThat(mountOptions("target/below")).contains("ro");
  }

  @Test
  void accessTimeModesReplaceEachOther() throws IOException {
    Files.createDirectory(directory.resolve("target"));
    try (var context = FileSystemContext.open("tmpfs");
        Fd tree = context.mount(NONE);
        Fd target = dir.place("target")) {
      Mounts.setAttributes(tree, EnumSet.of(MountAttribute.NO_ACCESS_TIME), NONE, false);
      Mounts.setAttributes(tree, NONE, EnumSet.of(MountAttribute.NO_ACCESS_TIME), false);
      Mounts.attach(tree, target);
      assertThat(mountOptions("target")).contains("relatime").doesNotContain("noatime");
      Mounts.setAttributes(tree, EnumSet.of(MountAttribute.STRICT_ACCESS_TIME), NONE, false);
      assertThat(mountOptions("target")).doesNotContain("relatime", "noatime");
    }
  }

  @Test
  void idsAreMappedToAUserNamespace() throws IOException {
    Files.createDirectory(directory.resolve("target"));
    Path source = Files.createDirectory(directory.resolve("lower1"));
    Files.writeString(source.resolve("file"), "x");
    try (Fd unshare = SealedProgram.of(Path.of("/usr/bin/unshare"))) {
      var child =
          Spawner.of(unshare, List.of("unshare", "--user", "/bin/busybox", "sleep", "1000"))
              .spawn();
      try (Fd pidfd = child.pidfd()) {
        Path proc = Path.of("/proc/" + child.pid());
        Await.until(
            "the child has its user namespace",
            LIMIT,
            () ->
                !Files.readSymbolicLink(proc.resolve("ns/user"))
                    .equals(Files.readSymbolicLink(Path.of("/proc/self/ns/user"))));
        Files.writeString(proc.resolve("uid_map"), "0 100000 65536");
        Files.writeString(proc.resolve("gid_map"), "0 100000 65536");
        try (Fd user = Namespaces.open(proc.resolve("ns/user"), NamespaceType.USER);
            Fd tree = clone("lower1");
            Fd target = dir.place("target")) {
          Mounts.mapIds(tree, user, false);
          Mounts.attach(tree, target);
        }
        assertThat(Files.getAttribute(directory.resolve("target/file"), "unix:uid"))
            .isEqualTo(100_000);
        Processes.signal(pidfd, 9);
        Processes.waitFor(pidfd, LIMIT);
      }
    }
  }

  @Test
  void aDetachedTreeGoesWithItsDescriptor() throws IOException {
    long before = mountCount();
    try (var context = FileSystemContext.open("tmpfs");
        Fd tree = context.mount(NONE)) {
      DirFd root = DirFd.own(tree);
      try (Fd file = root.createFile("x", 0600, OpenFlag.WRITE)) {
        Descriptors.write(file, "x".getBytes(StandardCharsets.UTF_8));
      }
    }
    assertThat(mountCount()).isEqualTo(before);
  }

  @Test
  void aProgramRunsFromAReadOnlyView() throws IOException {
    Path program = Files.copy(Path.of("/bin/busybox"), directory.resolve("program"));
    try (Fd view = SealedProgram.viewOf(program)) {
      var child = Spawner.of(view, List.of("sleep", "1000")).spawn();
      try (Fd pidfd = child.pidfd()) {
        Path exe = Path.of("/proc/" + child.pid() + "/exe");
        assertThatThrownBy(() -> Descriptors.open(exe, OpenFlag.WRITE))
            .isInstanceOf(NativeException.class)
            .satisfies(e ->
                assertThat(
                        ((NativeException) e).is(Errno.EROFS)
                            || ((NativeException) e).is(Errno.ETXTBSY))
                    .as(e.getMessage())
                    .isTrue());
        Processes.signal(pidfd, 9);
        Processes.waitFor(pidfd, LIMIT);
        assertThatThrownBy(() -> Descriptors.reopen(view, OpenFlag.WRITE))
            .satisfies(e -> assertThat(((NativeException) e).is(Errno.EROFS)).isTrue());
      }
    }
  }

  private Fd clone(String name) {
    try (Fd place = dir.place(name)) {
      return Mounts.cloneTree(place, false);
    }
  }

  private void mountTmpfs(String name) {
    mountTmpfs(dir, name);
  }

  private static void mountTmpfs(DirFd parent, String name) {
    try (var context = FileSystemContext.open("tmpfs");
        Fd tree = context.mount(NONE);
        Fd target = parent.place(name)) {
      Mounts.attach(tree, target);
    }
  }

  private List<String> mountOptions(String name) throws IOException {
    String place = " " + directory.resolve(name) + " ";
    return Files.readAllLines(Path.of("/proc/self/mountinfo")).stream()
        .filter(line -> line.contains(place))
        .flatMap(line -> List.of(line.split(" ", -1)[5].split(",", -1)).stream())
        .toList();
  }

  private static long mountCount() throws IOException {
    try (var lines = Files.lines(Path.of("/proc/self/mountinfo"))) {
      return lines.count();
    }
  }
}
