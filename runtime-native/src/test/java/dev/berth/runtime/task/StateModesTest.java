package dev.berth.runtime.task;

import static org.assertj.core.api.Assertions.assertThat;

import dev.berth.testing.BusyboxBundle;
import dev.berth.testing.RequiresRoot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Rule R18: nobody but root looks into what is kept of a task (CVE-2021-41103). */
@RequiresRoot
class StateModesTest {
  private TaskFixture fixture;

  @BeforeEach
  void open() throws IOException {
    fixture = new TaskFixture();
  }

  @AfterEach
  void close() throws IOException {
    fixture.close();
  }

  @Test
  void directoriesOfTasksAreRootsAlone() throws IOException {
    try (Task task = fixture.create("c", fixture.spec("exec sleep 1000").build())) {
      task.start();
      task.exec(new ExecSpec("e", BusyboxBundle.process("true").build(), new TaskIo.Log(null)));
      Path state = fixture.base.resolve("state");
      for (Path directory : new Path[] {state, state.resolve("c"), state.resolve("c/execs/e")}) {
        assertPrivate(directory, "rwx------");
      }
      assertPrivate(state.resolve("c/control"), "rw-------");
      assertPrivate(state.resolve("c/execs/e/control"), "rw-------");
      assertPrivate(state.resolve("c/stdout"), "rw-------");
    }
  }

  private static void assertPrivate(Path file, String mode) throws IOException {
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
        .as(file.toString())
        .isEqualTo(mode);
    assertThat(Files.getAttribute(file, "unix:uid")).as(file.toString()).isEqualTo(0);
  }
}
