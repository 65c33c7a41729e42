package dev.berth.cri.streaming;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class NegotiationTest {
  @ParameterizedTest
  @CsvSource({
    "v5.channel.k8s.io v4.channel.k8s.io v3.channel.k8s.io, V4",
    "v2.channel.k8s.io v3.channel.k8s.io, V2",
    "channel.k8s.io, V1",
    "v3.channel.k8s.io, V3",
    "v5.channel.k8s.io,",
    "portforward.k8s.io,",
  })
  void firstServedVersionIsTakenOverSpdy(String offered, @Nullable StreamVersion chosen) {
    assertThat(StreamVersion.overSpdy(List.of(offered.split(" "))))
        .isEqualTo(Optional.ofNullable(chosen));
  }

  @ParameterizedTest
  @CsvSource({
    "v5.channel.k8s.io v4.channel.k8s.io, v5.channel.k8s.io, V5, false",
    "v9.channel.k8s.io v4.base64.channel.k8s.io, v4.base64.channel.k8s.io, V4, true",
    "base64.channel.k8s.io, base64.channel.k8s.io, V1, true",
    "channel.k8s.io, channel.k8s.io, V1, false",
  })
  void firstServedSubprotocolIsTakenOverWebSocket(
      String offered, String name, StreamVersion version, boolean base64) {
    assertThat(WebSocketProtocol.ofProcess(List.of(offered.split(" "))))
        .contains(new WebSocketProtocol(name, version, base64));
  }

  @Test
  void clientWithoutSubprotocolGetsTheOldestAndOneWithUnknownOnesNone() {
    assertThat(WebSocketProtocol.ofProcess(List.of()))
        .contains(new WebSocketProtocol("", StreamVersion.V1, false));
    assertThat(WebSocketProtocol.ofProcess(List.of("v2.channel.k8s.io", "chat"))).isEmpty();
    assertThat(WebSocketProtocol.ofPorts(List.of("v5.channel.k8s.io"))).isEmpty();
  }
}
