package dev.berth.shim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.google.protobuf.Empty;
import dev.berth.base.BerthException;
import dev.berth.shim.client.TaskClient;
import dev.berth.shim.ttrpc.Metadata;
import dev.berth.shim.ttrpc.TtrpcClient;
import dev.berth.shim.ttrpc.TtrpcServer;
import dev.berth.shim.ttrpc.TtrpcService;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CallGateTest {
  private static final Duration SOON = Duration.ofSeconds(20);

  @TempDir private Path directory;

  @Test
  void callerKnowsThatARefusedCallDidNotBegin() throws Exception {
    var begun = new AtomicInteger();
    var gate = new CallGate();
    TtrpcService service =
        TtrpcService.named("test.Service")
            .unary(
                "Count",
                Empty.parser(),
                gate.before((_, _) -> {
                  begun.incrementAndGet();
                  throw new BerthException(BerthException.Kind.UNAVAILABLE, "its stub is gone");
                }))
            .build();
    Path socket = directory.resolve("socket");
    try (var _ = TtrpcServer.listen(socket, service);
        TtrpcClient client = TtrpcClient.connect(socket, SOON)) {
      assertThat(TaskClient.isRefusal(failureOf(client))).isFalse();
      assertThat(gate.close(SOON)).isZero();
      assertThat(TaskClient.isRefusal(failureOf(client))).isTrue();
      assertThat(begun).hasValue(1);
    }
  }

  private static BerthException failureOf(TtrpcClient client) {
    return catchThrowableOfType(
        BerthException.class,
        () ->
            client.call(
                "test.Service",
                "Count",
                Empty.getDefaultInstance(),
                Empty.parser(),
                Metadata.NONE,
                SOON));
  }
}
