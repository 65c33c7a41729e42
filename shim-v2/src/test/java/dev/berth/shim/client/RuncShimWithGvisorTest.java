package dev.berth.shim.client;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.google.protobuf.Any;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;

/** Containerd's own shim with gVisor's {@code runsc} in the place of runc. */
class RuncShimWithGvisorTest extends RuncShimTest {
  private static String platform = "";

  @BeforeAll
  static void findRunsc() throws Exception {
    assumeTrue(
        Stream.of(System.getenv("PATH").split(File.pathSeparator, -1))
            .anyMatch(directory -> Files.isExecutable(Path.of(directory, "runsc"))),
        "runsc is not in PATH");
    platform = knows("systrap") ? "systrap" : "ptrace"; // which it has known since 2023
  }

  private static boolean knows(String name) throws IOException, InterruptedException {
    var probe = new ProcessBuilder("runsc", "--platform=" + name, "list");
    probe.redirectErrorStream(true).redirectOutput(ProcessBuilder.Redirect.DISCARD);
    return probe.start().waitFor() == 0;
  }

  @Override
  Any options() {
    return runtime("runsc --network=none --ignore-cgroups --platform=" + platform);
  }

  /** Its processes are its kernel's, and the host sees a sandbox. */
  @Override
  int listedPid(int pid) {
    return 1;
  }
}
