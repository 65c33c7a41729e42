package dev.berth.cri.rpc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.berth.base.BerthException;
import dev.berth.base.BerthException.Kind;
import io.grpc.Status;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class ErrorEdgeTest {
  @ParameterizedTest
  @EnumSource(Kind.class)
  void everyKindHasACodeAndKeepsItsMessage(Kind kind) {
    Status status = ErrorEdge.toStatus("Verb", new BerthException(kind, "why")).getStatus();
    assertThat(status.getCode())
        .isEqualTo(
            kind == Kind.KUBELET_REASON ? Status.Code.UNKNOWN : Status.Code.valueOf(kind.name()));
    assertThat(status.getDescription()).isEqualTo("why");
  }

  /** The status is a header, and netty's clients take 8 KiB of them. */
  @Test
  void aLongMessageKeepsItsBeginningAndItsEnd() {
    String message = "mounts[3] " + "x".repeat(1 << 20) + ": file name too long";
    Status status =
        ErrorEdge.toStatus("Verb", new BerthException(Kind.INVALID_ARGUMENT, message)).getStatus();
    assertThat(status.getDescription())
        .startsWith("mounts[3] xxx")
        .endsWith("xxx: file name too long")
        .contains("characters left out")
        .hasSizeLessThan(2048);
  }
}
