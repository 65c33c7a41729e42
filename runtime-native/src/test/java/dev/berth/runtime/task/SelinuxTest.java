package dev.berth.runtime.task;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assumptions.assumeThat;

import dev.berth.base.BerthException;
import dev.berth.runtime.spec.RuntimeSpec;
import dev.berth.testing.BusyboxBundle;
import dev.berth.testing.RequiresRoot;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * Labels that the kernel cannot give are an error, as with the reference runtime: nobody is to
 * think that a container is confined which is not. What a kernel with SELinux is asked for is in
 * the golden plans.
 */
@RequiresRoot
class SelinuxTest {
  private TaskFixture fixture;

  @BeforeEach
  void open() throws IOException {
    assumeThat(Path.of("/sys/fs/selinux/enforce")).doesNotExist();
    fixture = new TaskFixture();
  }

  @AfterEach
  void close() throws IOException {
    if (fixture != null) {
      fixture.close();
    }
  }

  @Test
  void labelOfTheProcessIsRefusedByItsField() {
    assertRefused(
        fixture
            .spec("true")
            .process(
                BusyboxBundle.process("true")
                    .selinuxLabel("system_u:system_r:container_t:s0")
                    .build())
            .build(),
        "process.selinuxLabel: write \"system_u:system_r:container_t:s0\": EINVAL");
  }

  @Test
  void labelOfTheMountsIsRefusedByTheFirstThatTakesIt() {
    assertRefused(
        fixture
            .spec("true")
            .linux(
                BusyboxBundle.linux().mountLabel("system_u:object_r:container_file_t:s0").build())
            .build(),
        "mounts[1] /dev: fsconfig \"context\": EINVAL");
  }

  private void assertRefused(RuntimeSpec spec, String message) {
    assertThatThrownBy(() -> fixture.create("c", spec))
        .isInstanceOf(BerthException.class)
        .hasMessageStartingWith(message);
    assertThat(fixture.base.resolve("state/c")).doesNotExist();
  }
}
