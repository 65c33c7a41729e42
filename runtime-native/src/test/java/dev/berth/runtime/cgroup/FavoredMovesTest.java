package dev.berth.runtime.cgroup;

import static org.assertj.core.api.Assertions.assertThat;

import dev.berth.testing.Await;
import dev.berth.testing.RequiresRoot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;

@RequiresRoot
class FavoredMovesTest {
  @Test
  void theHierarchyIsMountedNowhereAndEndsWithItsHolder() throws IOException {
    Cgroups cgroups = Cgroups.detect();
    Assumptions.assumeTrue(cgroups.version() == Cgroups.Version.V1, "this host has no cgroup v1");

    try (FavoredMoves moves = FavoredMoves.hold(cgroups)) {
      assertThat(moves.isActive()).isTrue();
      assertThat(hierarchies()).contains("name=berth:");
      assertThat(Files.readString(Path.of("/proc/self/mountinfo"))).doesNotContain("name=berth");
    }
    Await.until(
        "the hierarchy is gone",
        Duration.ofSeconds(10),
        () -> otherHolders() || !hierarchies().contains("name=berth:"));
  }

  /** A Berth that serves on this machine holds it too. */
  private static boolean otherHolders() {
    return ProcessHandle.allProcesses()
        .anyMatch(process -> commandLine(process).contains("ShimMain"));
  }

  /** The whole one: ProcessHandle gives none where the class path is long. */
  private static String commandLine(ProcessHandle process) {
    try {
      return Files.readString(Path.of("/proc", Long.toString(process.pid()), "cmdline"));
    } catch (IOException e) {
      return ""; // ended meanwhile
    }
  }

  private static String hierarchies() {
    try {
      return Files.readString(Path.of("/proc/self/cgroup"));
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }
}
