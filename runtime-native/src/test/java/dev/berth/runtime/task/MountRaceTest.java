package dev.berth.runtime.task;

import static org.assertj.core.api.Assertions.assertThat;

import dev.berth.base.BerthException;
import dev.berth.runtime.spec.Device;
import dev.berth.runtime.spec.Mount;
import dev.berth.runtime.spec.RuntimeSpec;
import dev.berth.testing.BusyboxBundle;
import dev.berth.testing.RequiresRoot;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * Rule R3 against a racer: another container of the pod exchanges directories of a shared volume
 * for links while containers are made on it (CVE-2021-30465, CVE-2024-45310).
 */
@RequiresRoot
class MountRaceTest {
  private static final Duration RACE = Duration.ofSeconds(8);

  private TaskFixture fixture;
  private Path outside;
  private Path volume;
  private Path flip;

  @BeforeEach
  void open() throws Exception {
    fixture = new TaskFixture();
    outside = Files.createDirectory(fixture.base.resolve("outside"));
    for (String name : List.of("b", "b/c", "t", "w", "m", "pts")) {
      Files.createDirectory(outside.resolve(name));
    }
    volume = Files.createDirectory(fixture.base.resolve("volume"));
    flip = fixture.base.resolve("flip");
    Path source = Path.of(System.getProperty("berth.root.dir"), "runtime-native/src/test/c/flip.c");
    assertThat(run("gcc", "-O1", "-Wall", "-Werror", "-o", flip.toString(), source.toString()))
        .isZero();
  }

  @AfterEach
  void close() throws IOException {
    fixture.close();
  }

  @Test
  void linksThatComeAndGoInAVolumeLeadNowhere() throws Exception {
    Path directory = makeTargets(volume.resolve("a"));
    Path link = Files.createSymbolicLink(volume.resolve("link"), outside);
    Path other = Files.createDirectories(volume.resolve("z/y")).getParent();
    Path upwards = Files.createSymbolicLink(volume.resolve("up"), upTo(outside));
    List<Mount> mounts = new ArrayList<>(BusyboxBundle.mounts());
    mounts.add(new Mount("/vol", "bind", volume.toString(), List.of("rbind")));
    mounts.add(new Mount("/vol/a/b/c", "bind", fixture.rootfs.toString(), List.of("bind", "ro")));
    mounts.add(new Mount("/vol/a/t", "tmpfs", "tmpfs", List.of("size=64k")));
    mounts.add(new Mount("/vol/z/y", "tmpfs", "tmpfs", List.of("size=64k")));
    mounts.add(new Mount("/vol/z/new/deep", "tmpfs", "tmpfs", List.of("size=64k")));
    RuntimeSpec spec =
        fixture
            .spec("")
            .mounts(mounts)
            .process(BusyboxBundle.process("true").cwd("/vol/a/w").build())
            .linux(
                BusyboxBundle.linux()
                    .devices(List.of(new Device("/vol/a/node", "c", 1, 5, null, null, null)))
                    .maskedPaths(List.of("/vol/a/m"))
                    .readonlyPaths(List.of("/vol/a/b"))
                    .build())
            .build();
    race(spec, List.of(directory, link, other, upwards));
  }

  @Test
  void specialDirectoriesThatTurnIntoLinksLeadNowhere() throws Exception {
    List<Path> names = new ArrayList<>();
    for (String name : List.of("dev", "proc", "sys")) {
      names.add(fixture.rootfs.resolve(name));
      names.add(Files.createSymbolicLink(fixture.rootfs.resolve(name + "-link"), outside));
    }
    List<Mount> mounts = new ArrayList<>(BusyboxBundle.mounts());
    mounts.removeIf(mount -> mount.destination().equals("/dev")); // nodes go into the image's
    RuntimeSpec spec =
        fixture
            .spec("")
            .mounts(mounts)
            .process(BusyboxBundle.process("true").terminal(true).build())
            .build();
    race(spec, names);
  }

  private static Path upTo(Path directory) {
    return Path.of("../".repeat(12)).resolve(directory.toString().substring(1));
  }

  private Path makeTargets(Path directory) throws IOException {
    for (String name : List.of("b/c", "t", "w", "m")) {
      Files.createDirectories(directory.resolve(name));
    }
    return directory;
  }

  private void race(RuntimeSpec spec, List<Path> names) throws Exception {
    Map<String, String> inventory = Inventory.of(outside);
    String before = HostState.read(fixture.base);
    Path output = fixture.base.resolve("flips");
    List<String> command = new ArrayList<>(List.of(flip.toString()));
    names.forEach(name -> command.add(name.toString()));
    Process racer =
        new ProcessBuilder(command)
            .redirectOutput(output.toFile())
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    int made = 0;
    int refused = 0;
    try {
      Instant deadline = Instant.now().plus(RACE);
      while (Instant.now().isBefore(deadline)) {
        if (tryContainer(spec)) {
          made++;
        } else {
          refused++;
        }
      }
    } finally {
      racer.getOutputStream().close();
      assertThat(racer.waitFor()).isZero();
    }
    String flips = Files.readString(output, StandardCharsets.UTF_8).trim();
    System.out.println(
        "mount race: " + flips + " flips, " + made + " containers made, " + refused + " refused");
    assertThat(Inventory.of(outside)).isEqualTo(inventory);
    assertThat(HostState.read(fixture.base)).isEqualTo(before);
    assertThat(made + refused).isGreaterThan(20);
  }

  private boolean tryContainer(RuntimeSpec spec) throws IOException {
    try (Task task = fixture.create("race", spec)) {
      try {
        task.start();
        assertThat(task.await(TaskFixture.LIMIT)).isPresent();
      } finally {
        task.kill(9, false);
        task.await(TaskFixture.LIMIT);
        task.delete();
      }
      return true;
    } catch (BerthException e) {
      assertThat(e.getMessage()).matches("(?s)(mounts|linux|process|default|root).*E[A-Z]+.*");
      return false;
    }
  }

  private static int run(String... command) throws IOException, InterruptedException {
    return new ProcessBuilder(command).inheritIO().start().waitFor();
  }
}
