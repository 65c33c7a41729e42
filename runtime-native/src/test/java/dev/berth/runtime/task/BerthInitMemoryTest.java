package dev.berth.runtime.task;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;

import dev.berth.testing.Await;
import dev.berth.testing.RequiresRoot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What a berth-init costs: one runs beside every container, so its memory is a promise. */
@RequiresRoot
class BerthInitMemoryTest {
  private static final int LIMIT_KIB = 100;

  private TaskFixture fixture;

  @BeforeEach
  void open() throws IOException {
    fixture = new TaskFixture();
  }

  @AfterEach
  void close() throws IOException {
    fixture.close();
  }

  /**
   * Both streams, short lines and one longer than a log line can be: every buffer of the log is
   * used.
   */
  @Test
  void privateMemoryStaysBelowItsLimitWithTheLogsBuffersInUse() throws IOException {
    String script =
        """
        seq 1 100000
        seq 1 100000 >&2
        yes | head -c 200000 | tr -d '\\n'
        echo end
        exec sleep 1000
        """;
    try (Task task = fixture.create("c", fixture.spec(script).build())) {
      task.start();
      Await.until(
          "all output is in the log",
          TaskFixture.LIMIT,
          () ->
              Files.exists(fixture.log())
                  && Files.readString(fixture.log(), ISO_8859_1).contains("end\n"));
      int stub = SealedEntryTest.parentOf(task.pid());
      int kib = privateKib(stub);
      System.out.println("berth-init: " + kib + " KiB of private memory");
      assertThat(kib).isBetween(1, LIMIT_KIB);
    }
  }

  private static int privateKib(int pid) throws IOException {
    return Files.readAllLines(Path.of("/proc", Integer.toString(pid), "smaps_rollup")).stream()
        .map(line -> line.split("\\s+", -1))
        .filter(words -> Set.of("Private_Clean:", "Private_Dirty:").contains(words[0]))
        .mapToInt(words -> Integer.parseInt(words[1]))
        .sum();
  }
}
