package dev.berth.e2e;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.gson.JsonObject;
import dev.berth.proto.cri.v1.AttachRequest;
import dev.berth.proto.cri.v1.ContainerConfig;
import dev.berth.proto.cri.v1.ExecRequest;
import dev.berth.proto.cri.v1.NamespaceMode;
import dev.berth.proto.cri.v1.PodSandboxConfig;
import dev.berth.proto.cri.v1.PortForwardRequest;
import dev.berth.proto.cri.v1.VersionRequest;
import dev.berth.testing.Await;
import dev.berth.testing.RequiresRoot;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.http.WebSocketHandshakeException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What clients of exec, attach and port-forward get, by either protocol, and leave behind. */
@RequiresRoot
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class StreamingTest {
  private static final Duration LIMIT = Duration.ofSeconds(20);
  private static final int VANISHING_CLIENTS = Integer.getInteger("berth.streams", 200);

  /** Echoes its input line by line, and serves a page on port 80. */
  private static final String ECHO =
      "mkdir /www; echo page > /www/index.html; httpd -p 80 -h /www; "
          + "while read line; do echo \"got $line\"; done; echo no more; sleep 1000";

  @TempDir private static Path directory;
  private PrivateHost host;
  private TestRegistry registry;
  private BerthNode node;
  private Pods pods;
  private PodSandboxConfig config;
  private String image;
  private String pod;
  private String id;

  /** The two ways to speak with a process. */
  enum Transport {
    SPDY {
      @Override
      StreamClient connect(String url, String... streams) throws Exception {
        SpdyClient client = new SpdyClient(url, "v4.channel.k8s.io");
        assertThat(client.response()).startsWith("HTTP/1.1 101 ");
        client.open("error");
        for (String stream : streams) {
          client.open(stream);
        }
        return client;
      }
    },
    WEBSOCKET {
      @Override
      StreamClient connect(String url, String... streams) throws Exception {
        WebSocketClient client = new WebSocketClient(url, "v5.channel.k8s.io");
        assertThat(client.subprotocol()).isEqualTo("v5.channel.k8s.io");
        return client;
      }
    };

    abstract StreamClient connect(String url, String... streams) throws Exception;
  }

  @BeforeAll
  void start() throws Exception {
    host = new PrivateHost(directory.resolve("host"));
    registry = new TestRegistry(directory.resolve("registry"));
    node = BerthNode.start(directory, host);
    pods = new Pods(node);
    image = pods.pull(registry.busybox());
    config = pods.config("streams");
    pod = pods.run(config);
    id = launch("main", ECHO);
  }

  private String launch(String name, String script) {
    ContainerConfig container = Pods.shell(name, image, script).toBuilder().setStdin(true).build();
    return pods.launch(pod, config, container);
  }

  @AfterAll
  void stop() throws IOException {
    pods.remove(pod);
    node.close();
    registry.close();
    host.close();
  }

  private ExecRequest.Builder command(String... words) {
    return ExecRequest.newBuilder()
        .setContainerId(id)
        .addAllCmd(List.of(words))
        .setStdout(true)
        .setStderr(true);
  }

  private ExecRequest.Builder shell(String script) {
    return command("sh", "-c", script);
  }

  private String exec(ExecRequest.Builder request) {
    return node.runtime().exec(request.build()).getUrl();
  }

  private String attach(String containerId) {
    return node.runtime()
        .attach(
            AttachRequest.newBuilder()
                .setContainerId(containerId)
                .setStdin(true)
                .setStdout(true)
                .setStderr(true)
                .build())
        .getUrl();
  }

  private String forward(Integer... ports) {
    return node.runtime()
        .portForward(
            PortForwardRequest.newBuilder().setPodSandboxId(pod).addAllPort(List.of(ports)).build())
        .getUrl();
  }

  @ParameterizedTest
  @EnumSource
  void commandGetsItsInputToTheEndAndItsOutputsComeApart(Transport transport) throws Exception {
    String url = exec(shell("cat; echo oops >&2; exit 3").setStdin(true));
    try (var client = transport.connect(url, "stdin", "stdout", "stderr")) {
      client.send("stdin", "hello, ");
      client.send("stdin", "world");
      client.awaitText("stdout", "hello, world"); // before the end of the input
      client.end("stdin");
      JsonObject status = client.status();
      assertThat(client.text("stdout")).isEqualTo("hello, world");
      assertThat(client.text("stderr")).isEqualTo("oops\n");
      assertThat(status.get("status").getAsString()).isEqualTo("Failure");
      assertThat(status.get("reason").getAsString()).isEqualTo("NonZeroExitCode");
      assertThat(status.get("details").toString()).contains("\"message\":\"3\"");
    }
  }

  @ParameterizedTest
  @EnumSource
  void successIsTold(Transport transport) throws Exception {
    try (var client = transport.connect(exec(command("true")), "stdout", "stderr")) {
      assertThat(client.status().get("status").getAsString()).isEqualTo("Success");
    }
  }

  @ParameterizedTest
  @EnumSource
  void missingProgramIsToldByName(Transport transport) throws Exception {
    try (var client = transport.connect(exec(command("no-such-program")), "stdout", "stderr")) {
      JsonObject status = client.status();
      assertThat(status.get("reason").getAsString()).isEqualTo("InternalError");
      assertThat(status.get("message").getAsString()).contains("no-such-program");
    }
  }

  @ParameterizedTest
  @EnumSource
  void muchOutputComesInFullAlsoWhenNobodyWaits(Transport transport) throws Exception {
    int size = 8 << 20;
    String url = exec(shell("head -c " + size + " /dev/zero | tr '\\0' x"));
    try (var client = transport.connect(url, "stdout", "stderr")) {
      assertThat(client.status().get("status").getAsString()).isEqualTo("Success");
      assertThat(client.bytes("stdout")).hasSize(size);
    }
  }

  @ParameterizedTest
  @EnumSource
  void muchInputArrivesInFullAlsoWhereItIsReadSlowly(Transport transport) throws Exception {
    String url = exec(shell("sleep 1; wc -c").setStdin(true));
    try (var client = transport.connect(url, "stdin", "stdout", "stderr")) {
      for (int i = 0; i < 64; i++) {
        client.send("stdin", new byte[64 << 10]);
      }
      client.end("stdin");
      client.awaitEnd();
      assertThat(client.text("stdout").strip()).isEqualTo(Integer.toString(4 << 20));
    }
  }

  @ParameterizedTest
  @EnumSource
  void terminalHasTheSizeOfTheClients(Transport transport) throws Exception {
    String url =
        exec(
            shell(
                    "until [ \"$(stty size)\" = '50 132' ]; do sleep 0.1; done; "
                        + "tty; echo $TERM >&2; read line; echo \"got $line\"")
                .setStdin(true)
                .setStderr(false)
                .setTty(true));
    try (var client = transport.connect(url, "stdin", "stdout", "resize")) {
      client.resize(80, 24);
      client.resize(132, 50);
      client.awaitText("stdout", "xterm\r\n");
      client.send("stdin", "typed\n");
      client.awaitEnd();
      assertThat(client.text("stdout")).contains("/dev/pts/", "typed\r\n", "got typed\r\n");
      assertThat(client.status().get("status").getAsString()).isEqualTo("Success");
    }
  }

  @Test
  void childThatIsLeftBehindDoesNotHoldTheEnd() throws Exception {
    try (var client =
        Transport.SPDY.connect(exec(shell("sleep 1000 & echo done")), "stdout", "stderr")) {
      assertThat(client.status().get("status").getAsString()).isEqualTo("Success");
      assertThat(client.text("stdout")).isEqualTo("done\n");
    }
    var _ = pods.exec(id, 10, "killall", "sleep");
  }

  @Test
  void oldVersionsTellTheirEndAsText() throws Exception {
    try (var client = new SpdyClient(exec(shell("exit 4")), "v2.channel.k8s.io")) {
      client.open("error");
      client.open("stdout");
      client.open("stderr");
      client.awaitEnd();
      assertThat(client.text("error")).endsWith("exit status 4");
    }
    try (var client = new WebSocketClient(exec(shell("echo x; exit 4")), "channel.k8s.io")) {
      client.awaitEnd();
      assertThat(client.text("stdout")).isEqualTo("x\n");
      assertThat(client.text("error")).endsWith("exit status 4");
    }
  }

  @Test
  void spdyPingIsAnsweredAndUnknownStreamIsReset() throws Exception {
    try (var client = new SpdyClient(exec(shell("sleep 1000")), "v4.channel.k8s.io")) {
      client.ping();
      client.awaitText("pings", "77");
      client.open("nonsense");
      client.awaitText("resets", "nonsense");
      client.open("stdout");
      Await.until("stdout is accepted", LIMIT, () -> client.isAccepted("stdout"));
    }
  }

  @Test
  void allAttachedClientsSeeTheOutputAndAnyCanType() throws Exception {
    String own = launch("shared", ECHO.replaceAll("httpd[^;]*;", ""));
    try (var one = Transport.SPDY.connect(attach(own), "stdin", "stdout", "stderr");
        var two = Transport.WEBSOCKET.connect(attach(own))) {
      awaitAttached(one);
      awaitAttached(two);
      one.send("stdin", "first\n");
      two.awaitText("stdout", "got first\n");
      two.send("stdin", "second\n");
      one.awaitText("stdout", "got second\n");
      two.end("stdin");
      two.close();
      one.send("stdin", "third\n");
      one.awaitText("stdout", "got third\n");
      pods.stopContainer(own, 0);
      assertThat(one.status().get("status").getAsString()).isEqualTo("Success");
    }
    assertThat(pods.logText(own, "stdout")).contains("got first", "got second", "got third");
    pods.removeContainer(own);
  }

  /** Output before it is not repeated, so one has to ask until there is an answer. */
  private static void awaitAttached(StreamClient client) {
    Await.until(
        "the client is attached",
        LIMIT,
        () -> {
          client.send("stdin", "hello\n");
          return client.text("stdout").contains("got hello\n");
        });
  }

  @Test
  void clientThatDoesNotReadIsCutOffAndTheLogIsNot() throws Exception {
    int lines = 24_000; // of 1000 bytes: more than all buffers on the way to a client
    String own =
        launch(
            "loud",
            "while read line && [ \"$line\" != go ]; do echo \"got $line\"; done; "
                + "long=$(head -c 999 /dev/zero | tr '\\0' x); "
                + "yes $long | head -n "
                + lines
                + "; echo the end; sleep 1000");
    try (var quick = Transport.WEBSOCKET.connect(attach(own));
        var stuck = (SpdyClient) Transport.SPDY.connect(attach(own), "stdin", "stdout", "stderr")) {
      awaitAttached(quick);
      awaitAttached(stuck);
      stuck.stopReading();
      quick.send("stdin", "go\n");
      Await.until(
          "the log is complete",
          LIMIT,
          () -> pods.logText(own, "stdout").getLast().equals("the end"));
      assertThat(pods.logText(own, "stdout").stream().filter(line -> line.length() == 999))
          .hasSize(lines);
      quick.awaitText("stdout", "the end\n");
      stuck.goOnReading();
      assertThat(stuck.status().get("message").getAsString()).contains("cut off");
    }
    pods.removeContainer(own);
  }

  @Test
  void portIsReachedOverSpdyByPairsOfStreams() throws Exception {
    try (var client = new SpdyClient(forward(), "portforward.k8s.io")) {
      for (String request : List.of("1", "2")) {
        openPair(client, request, 80);
        client.send("data" + request, "GET / HTTP/1.0\r\n\r\n");
      }
      for (String request : List.of("1", "2")) {
        Await.until(
            "both have ended",
            LIMIT,
            () -> client.isFinished("data" + request) && client.isFinished("error" + request));
        assertThat(client.text("data" + request)).startsWith("HTTP/1.").contains("page\n");
        assertThat(client.text("error" + request)).isEmpty();
      }
      openPair(client, "3", 81);
      client.awaitText("error3", "cannot connect to port 81");
      client.open("bad", Map.of("streamType", "data", "port", "0", "requestID", "4"));
      client.awaitText("resets", "bad");
    }
  }

  @Test
  void portOfAPodOnTheNetworkOfTheHostIsReached() throws Exception {
    PodSandboxConfig.Builder hostNetwork = pods.config("host-network").toBuilder();
    hostNetwork
        .getLinuxBuilder()
        .getSecurityContextBuilder()
        .getNamespaceOptionsBuilder()
        .setNetwork(NamespaceMode.NODE);
    String id = pods.run(hostNetwork.clearHostname().build());
    try (ServerSocket server = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      var request =
          PortForwardRequest.newBuilder().setPodSandboxId(id).addPort(server.getLocalPort());
      String url = node.runtime().portForward(request.build()).getUrl();
      try (var client = new SpdyClient(url, "portforward.k8s.io")) {
        openPair(client, "1", server.getLocalPort());
        try (var accepted = server.accept()) {
          accepted.getOutputStream().write("from the host".getBytes(UTF_8));
        }
        client.awaitText("data1", "from the host");
      }
    } finally {
      pods.remove(id);
    }
  }

  private static void openPair(SpdyClient client, String request, int port) throws IOException {
    for (String type : List.of("error", "data")) {
      client.open(
          type + request,
          Map.of("streamType", type, "port", Integer.toString(port), "requestID", request));
    }
  }

  @Test
  void portIsReachedOverWebSocketByChannels() throws Exception {
    try (var client = new WebSocketClient(forward(80, 81), "v4.channel.k8s.io")) {
      client.send("stdin", "GET / HTTP/1.0\r\n\r\n"); // channel 0: data of the first port
      client.awaitEnd();
      assertThat(client.bytes("stdin")).startsWith(80, 0);
      assertThat(client.bytes("stdout")).containsExactly(80, 0);
      assertThat(client.bytes("stderr")).containsExactly(81, 0);
      assertThat(client.text("stdin")).contains("page\n");
      assertThat(client.text("error")).contains("cannot connect to port 81");
    }
  }

  @Test
  void portIsReachedOverSpdyWithinAWebSocket() throws Exception {
    try (var client = new TunnelClient(forward())) {
      assertThat(client.response())
          .startsWith("HTTP/1.1 101 ")
          .containsIgnoringCase("sec-websocket-protocol: SPDY/3.1+portforward.k8s.io");
      openPair(client.spdy(), "1", 80);
      client.spdy().send("data1", "GET / HTTP/1.0\r\n\r\n");
      client.spdy().awaitText("data1", "page\n");
      Await.until("the pair has ended", LIMIT, () -> client.spdy().isFinished("error1"));
    }
  }

  @Test
  void containerWithoutLogCanBeAttachedTo() throws Exception {
    ContainerConfig container =
        Pods.shell("unlogged", image, "while read line; do echo \"got $line\"; done").toBuilder()
            .clearLogPath()
            .setStdin(true)
            .setStdinOnce(true)
            .build();
    String own = pods.launch(pod, config, container);
    try (var client = Transport.SPDY.connect(attach(own), "stdin", "stdout", "stderr")) {
      awaitAttached(client);
      client.end("stdin"); // given once: the container's input ends
      assertThat(client.status().get("status").getAsString()).isEqualTo("Success");
    }
    assertThat(pods.awaitExit(own).getExitCode()).isZero();
    pods.removeContainer(own);
  }

  @Test
  void startLoadsNothingOfTheStreamingProtocols() throws Exception {
    Path classes = directory.resolve("classes");
    try (var fresh =
        BerthNode.startWithJvmOptions(directory, host, "-Xlog:class+load:file=" + classes)) {
      assertThat(fresh.runtime().version(VersionRequest.getDefaultInstance()).getRuntimeName())
          .isEqualTo("berth");
      assertThat(Files.readString(classes))
          .contains("dev.berth.cri.streaming.StreamingServer ")
          .doesNotContain(
              "io.netty.handler.codec.spdy",
              "io.netty.handler.codec.http.websocketx",
              "dev.berth.cri.streaming.StreamListener");
    }
  }

  @Test
  void urlIsGoodOnce() throws Exception {
    String url = exec(command("true"));
    try (var first = Transport.SPDY.connect(url, "stdout", "stderr")) {
      first.awaitEnd();
    }
    try (var second = new SpdyClient(url, "v4.channel.k8s.io")) {
      assertThat(second.response()).startsWith("HTTP/1.1 404 ");
    }
    assertThatThrownBy(() -> new WebSocketClient(url, "v5.channel.k8s.io"))
        .isInstanceOf(ExecutionException.class)
        .cause()
        .isInstanceOfSatisfying(
            WebSocketHandshakeException.class,
            e -> assertThat(e.getResponse().statusCode()).isEqualTo(404));
    assertThat(url).matches("http://127\\.0\\.0\\.1:[0-9]+/exec/[\\w-]{22}");
    assertThat(node.berthdLog()).doesNotContain(url.substring(url.lastIndexOf('/') + 1));
  }

  @Test
  void clientsThatVanishLeaveNothing() throws Exception {
    vanish(4); // starts and opens whatever is kept from then on, as does the next
    assertThat(pods.exec(id, 10, "true").getExitCode()).isZero();
    HostSnapshot before = HostSnapshot.take(node);
    vanish(VANISHING_CLIENTS);
    Await.until(
        "the commands are gone",
        LIMIT,
        () -> !pods.exec(id, 10, "ps").getStdout().toStringUtf8().contains("sleep 555"));
    before.assertRestored();
  }

  private void vanish(int clients) throws Exception {
    for (int i = 0; i < clients; i += 4) {
      for (Transport transport : Transport.values()) {
        String url = exec(shell("echo there; exec sleep 555").setStdin(true));
        try (var client = transport.connect(url, "stdin", "stdout", "stderr")) {
          client.awaitText("stdout", "there");
        }
      }
      try (var client = Transport.SPDY.connect(attach(id), "stdin", "stdout", "stderr")) {
        client.send("stdin", "x\n");
        client.awaitText("stdout", "got x");
      }
      try (var client = new SpdyClient(forward(), "portforward.k8s.io")) {
        openPair(client, "1", 80);
        client.send("data1", "GET / HT".getBytes(UTF_8));
        Await.until("the pair is accepted", LIMIT, () -> client.isAccepted("data1"));
      }
    }
  }
}
