package dev.berth.cri.streaming;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;

import dev.berth.sandbox.StandardStreams;
import dev.berth.sandbox.Streams;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.handler.codec.http.HttpObjectAggregator;
import io.netty.handler.codec.http.HttpServerCodec;
import io.netty.handler.timeout.IdleStateHandler;
import java.lang.reflect.Proxy;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class HttpUpgradeTest {
  private static final StreamRequest EXEC =
      new StreamRequest.Exec(
          "c-1", List.of("true"), false, new StandardStreams(false, true, false));
  private static final StreamRequest FORWARD = new StreamRequest.PortForward("s-1", List.of());

  private final Tokens tokens = new Tokens(System::nanoTime);
  private final EmbeddedChannel channel = new EmbeddedChannel();

  HttpUpgradeTest() {
    // No session gets as far as to its pod.
    Streams none =
        (Streams)
            Proxy.newProxyInstance(
                Streams.class.getClassLoader(),
                new Class<?>[] {Streams.class},
                (_, method, _) -> {
                  throw new UnsupportedOperationException(method.getName());
                });
    Outlet outlet = new Outlet(channel);
    channel
        .pipeline()
        .addLast(new IdleStateHandler(0, 0, 0))
        .addLast(new HttpServerCodec())
        .addLast(new HttpObjectAggregator(4096))
        .addLast(new HttpUpgrade(tokens, new Sessions(none), outlet))
        .addLast(outlet);
  }

  @AfterEach
  void close() {
    assertThat(channel.finishAndReleaseAll()).isIn(true, false);
  }

  private String answer(String request, String... headers) {
    String text = request + " HTTP/1.1\r\nHost: h\r\n" + String.join("\r\n", headers) + "\r\n\r\n";
    channel.writeInbound(Unpooled.copiedBuffer(text, ISO_8859_1));
    StringBuilder answer = new StringBuilder();
    for (ByteBuf part = channel.readOutbound(); part != null; part = channel.readOutbound()) {
      answer.append(part.toString(ISO_8859_1));
      part.release();
    }
    return answer.toString();
  }

  private String path(StreamRequest request) {
    return "/" + request.path() + "/" + tokens.issue(request);
  }

  @ParameterizedTest
  @CsvSource({"GET", "POST"})
  void spdyIsSwitchedToWithTheChosenVersion(String method) {
    assertThat(
            answer(
                method + " " + path(EXEC),
                "Connection: Upgrade",
                "Upgrade: SPDY/3.1",
                "X-Stream-Protocol-Version: v5.channel.k8s.io, v4.channel.k8s.io",
                "X-Stream-Protocol-Version: v3.channel.k8s.io"))
        .startsWith("HTTP/1.1 101 ")
        .containsIgnoringCase("connection: Upgrade")
        .containsIgnoringCase("upgrade: SPDY/3.1")
        .containsIgnoringCase("x-stream-protocol-version: v4.channel.k8s.io");
  }

  @Test
  void tokenIsGoodOnce() {
    String path = path(FORWARD);
    assertThat(
            answer(
                "GET " + path,
                "Connection: Upgrade",
                "Upgrade: SPDY/3.1",
                "X-Stream-Protocol-Version: portforward.k8s.io"))
        .startsWith("HTTP/1.1 101 ");
    assertThat(tokens.redeem(path.substring(path.lastIndexOf('/') + 1))).isEmpty();
  }

  @Test
  void tokenOfAnotherKindIsUnknown() {
    assertThat(answer("GET " + path(EXEC).replace("exec", "attach"), "Upgrade: SPDY/3.1"))
        .startsWith("HTTP/1.1 404 ");
  }

  @ParameterizedTest
  @CsvSource({"/", "/exec", "/exec/", "/exec/none", "/exec/a/b", "exec/a", "/portforward/../x"})
  void unknownPathIsNotFound(String path) {
    assertThat(answer("GET " + path, "Upgrade: SPDY/3.1")).startsWith("HTTP/1.1 404 ");
  }

  @Test
  void spdyWithoutVersionIsABadRequest() {
    assertThat(answer("POST " + path(EXEC), "Upgrade: SPDY/3.1")).startsWith("HTTP/1.1 400 ");
  }

  @Test
  void unknownSpdyVersionIsToldTheKnownOnes() {
    assertThat(
            answer(
                "POST " + path(EXEC),
                "Upgrade: SPDY/3.1",
                "X-Stream-Protocol-Version: v9.channel.k8s.io"))
        .startsWith("HTTP/1.1 403 ")
        .containsIgnoringCase("x-accepted-stream-protocol-versions: v4.channel.k8s.io")
        .containsIgnoringCase("x-accepted-stream-protocol-versions: channel.k8s.io");
  }

  @Test
  void unknownSubprotocolIsForbidden() {
    assertThat(answer("GET " + path(EXEC), webSocket("chat"))).startsWith("HTTP/1.1 403 ");
  }

  @Test
  void webSocketPortsMustBeNamed() {
    assertThat(answer("GET " + path(FORWARD), webSocket("v4.channel.k8s.io")))
        .startsWith("HTTP/1.1 400 ");
  }

  @Test
  void plainRequestIsNoUpgrade() {
    assertThat(answer("GET " + path(EXEC))).startsWith("HTTP/1.1 400 ");
  }

  @Test
  void otherMethodsAreRefused() {
    assertThat(answer("PUT " + path(EXEC), "Upgrade: SPDY/3.1")).startsWith("HTTP/1.1 405 ");
  }

  private static String[] webSocket(String protocol) {
    return new String[] {
      "Connection: Upgrade",
      "Upgrade: websocket",
      "Sec-WebSocket-Version: 13",
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
      "Sec-WebSocket-Protocol: " + protocol
    };
  }
}
