package dev.berth.shim.client;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.base.BerthException;
import dev.berth.proto.shim.bootstrap.v1.BootstrapResult;
import dev.berth.shim.ttrpc.TtrpcServer;
import dev.berth.testing.Await;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Shims that are scripts: what they are given, what is learned of them, and what is kept. */
class ShimsTest {
  private static final Duration SOON = Duration.ofSeconds(20);

  @TempDir Path directory;
  private Path binary;
  private Shims shims;

  @BeforeEach
  void open() {
    binary = directory.resolve("shim");
    shims =
        new Shims(
            new ShimSettings(
                "test",
                directory.toString(),
                directory.resolve("events"),
                Path.of("/bin/true"),
                List.of(),
                false));
  }

  @AfterEach
  void close() {
    shims.close();
  }

  @Test
  void nothingIsKeptOfShimsThatHaveEnded() throws Exception {
    script("echo unix://$PWD/socket");
    for (int i = 0; i < 5; i++) {
      Path bundle = bundle("c" + i);
      try (var _ = TtrpcServer.listen(bundle.resolve("socket"))) {
        Shim shim = shims.launch(binary.toString(), "c" + i, bundle, null, SOON);
        assertThat(shim.isLost()).isFalse();
        assertThat(shims.connectionCount()).isEqualTo(1);
      }
      Await.until("its connection is dropped", SOON, () -> shims.connectionCount() == 0);
      assertThatThrownBy(() -> shims.launch(binary.toString(), "x", bundle, null, SOON))
          .isInstanceOf(BerthException.class);
      assertThat(shims.connectionCount()).isZero();
    }
  }

  @Test
  void aStartThatFailsOnceDoesNotChangeWhatTheShimIsGiven() throws Exception {
    script(
        """
        cat > input
        [ -e ../failed ] || { touch ../failed; exit 1; }
        echo unix://$PWD/socket
        """);
    assertThat(inputOf("a")).isNotEmpty(); // repeated with bootstrap parameters
    assertThat(inputOf("b")).isEmpty(); // no options
  }

  @Test
  void aShimThatTakesBootstrapParametersIsGivenThemFromThenOn() throws Exception {
    Path bundle = bundle("a");
    Files.write(
        directory.resolve("result"),
        BootstrapResult.newBuilder()
            .setVersion(3)
            .setAddress("unix://" + bundle.resolve("socket"))
            .setProtocol("ttrpc")
            .build()
            .toByteArray());
    script(
        """
        cat > input
        echo >> starts
        [ -s input ] || exit 1
        cat ../result
        """);
    try (var _ = TtrpcServer.listen(bundle.resolve("socket"))) {
      for (int i = 0; i < 2; i++) {
        Shim _ = shims.launch(binary.toString(), "a", bundle, null, SOON);
      }
    }
    assertThat(Files.readAllLines(bundle.resolve("starts"))).hasSize(3);
  }

  /** Returns what the last start of a container's shim was given. */
  private String inputOf(String id) throws IOException {
    Path bundle = bundle(id);
    try (var _ = TtrpcServer.listen(bundle.resolve("socket"))) {
      Shim _ = shims.launch(binary.toString(), id, bundle, null, SOON);
    }
    return new String(Files.readAllBytes(bundle.resolve("input")), UTF_8);
  }

  private Path bundle(String id) throws IOException {
    return Files.createDirectories(directory.resolve(id));
  }

  private void script(String text) throws IOException {
    Files.writeString(binary, "#!/bin/sh\n" + text);
    Files.setPosixFilePermissions(binary, PosixFilePermissions.fromString("rwx------"));
  }
}
