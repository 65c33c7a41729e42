package dev.berth.runtime.task;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.base.BerthException;
import dev.berth.runtime.spec.Mount;
import dev.berth.runtime.spec.RuntimeSpec;
import dev.berth.testing.BusyboxBundle;
import dev.berth.testing.RequiresRoot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** {@code tmpcopyup}: a tmpfs that begins with what the image has in its place. */
@RequiresRoot
class CopyUpTest {
  private TaskFixture fixture;
  private Path run;

  @BeforeEach
  void open() throws IOException {
    fixture = new TaskFixture();
    run = Files.createDirectory(fixture.rootfs.resolve("run"));
  }

  @AfterEach
  void close() throws IOException {
    fixture.close();
  }

  @Test
  void everythingOfTheImageIsThereAsItWas() throws Exception {
    Path below = Files.createDirectories(run.resolve("a/b"));
    Files.write(below.resolve("big"), new byte[300_000]);
    Files.writeString(run.resolve("tool"), "#!/bin/sh\n");
    Files.createSymbolicLink(run.resolve("out"), Path.of("/etc/../../../etc/passwd"));
    command("chown", "1000:2000", run.resolve("a").toString());
    command("chown", "5:6", run.resolve("tool").toString());
    command("chmod", "4711", run.resolve("tool").toString());
    command("mkfifo", run.resolve("pipe").toString());
    command("chmod", "0751", run.toString());
    Files.setLastModifiedTime(below, FileTime.from(Instant.ofEpochSecond(1_000_000_000)));

    assertThat(seen(List.of("nosuid", "tmpcopyup")))
        .isEqualTo(
            """
            /run|directory|751|0:0
            /run/a|directory|755|1000:2000
            /run/a/b|directory|755|0:0
            /run/a/b/big|regular file|644|0:0
            /run/out|symbolic link|777|0:0
            /run/pipe|fifo|644|0:0
            /run/tool|regular file|4711|5:6
            300000
            2001-09-09
            /etc/../../../etc/passwd
            tmpfs
            exit 0
            """);
    assertThat(run.resolve("new")).as("written to the tmpfs alone").doesNotExist();
  }

  @Test
  void modeOfTheOptionsIsThatOfTheMount() throws IOException {
    Files.setPosixFilePermissions(run, PosixFilePermissions.fromString("rwx--x--x"));
    assertThat(seen(List.of("mode=0700", "tmpcopyup"))).startsWith("/run|directory|700|0:0\n");
  }

  @Test
  void readOnlyOneIsFilledFirst() throws IOException {
    Files.writeString(run.resolve("file"), "content\n");
    RuntimeSpec spec = spec(List.of("ro", "tmpcopyup"), "cat /run/file; touch /run/x || echo no");
    assertThat(fixture.run(spec)).startsWith("content\n").endsWith("no\nexit 0\n");
  }

  @Test
  void whatDoesNotFitIsAnErrorThatNamesTheMount() throws IOException {
    Files.write(run.resolve("big"), new byte[1 << 20]);
    RuntimeSpec spec = spec(List.of("size=64k", "tmpcopyup"), "true");
    assertThatThrownBy(() -> fixture.run(spec))
        .isInstanceOf(BerthException.class)
        .hasMessageContaining("mounts[" + BusyboxBundle.mounts().size() + "] /run: tmpcopyup: ")
        .hasMessageContaining("ENOSPC");
    assertThat(fixture.base.resolve("state/run")).doesNotExist();
  }

  private String seen(List<String> options) throws IOException {
    return fixture.run(
        spec(
            options,
            """
            b=/bin/busybox
            $b find /run | $b sort | while read f; do $b stat -c '%n|%F|%a|%u:%g' $f; done
            $b wc -c < /run/a/b/big
            $b stat -c %y /run/a/b | $b cut -c1-10
            $b readlink /run/out
            $b stat -f -c %T /run
            touch /run/new
            """));
  }

  private RuntimeSpec spec(List<String> options, String script) {
    List<Mount> mounts = new ArrayList<>(BusyboxBundle.mounts());
    mounts.add(new Mount("/run", "tmpfs", "tmpfs", options));
    return fixture.spec(script).mounts(mounts).build();
  }

  private static void command(String... words) throws IOException, InterruptedException {
    assertThat(new ProcessBuilder(words).inheritIO().start().waitFor()).isZero();
  }
}
