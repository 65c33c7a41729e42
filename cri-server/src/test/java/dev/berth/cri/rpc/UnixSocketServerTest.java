package dev.berth.cri.rpc;

import static java.util.concurrent.TimeUnit.MILLISECONDS;
import static java.util.concurrent.TimeUnit.SECONDS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.base.BerthException;
import dev.berth.base.Operation;
import dev.berth.cri.config.SocketAccess;
import dev.berth.proto.cri.v1.ListPodSandboxRequest;
import dev.berth.proto.cri.v1.RuntimeServiceGrpc;
import dev.berth.proto.cri.v1.RuntimeServiceGrpc.RuntimeServiceBlockingStub;
import dev.berth.proto.cri.v1.StatusRequest;
import dev.berth.proto.cri.v1.VersionRequest;
import dev.berth.proto.cri.v1.VersionResponse;
import io.grpc.Metadata;
import io.grpc.ServerServiceDefinition;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.MetadataUtils;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class UnixSocketServerTest {
  private static final SocketAccess ACCESS = new SocketAccess(0640, "root");

  @TempDir private Path dir;
  private final ArrayDeque<AutoCloseable> opened = new ArrayDeque<>();

  @AfterEach
  void closeAll() throws Exception {
    while (!opened.isEmpty()) {
      opened.pop().close();
    }
  }

  private Path socket() {
    return dir.resolve("cri.sock");
  }

  private static ServerServiceDefinition service(Verb<VersionRequest, VersionResponse> version) {
    return ServiceAssembly.of(RuntimeServiceGrpc.getServiceDescriptor())
        .unary(RuntimeServiceGrpc.getVersionMethod(), version)
        .build();
  }

  private UnixSocketServer start(Verb<VersionRequest, VersionResponse> version) throws IOException {
    UnixSocketServer server = UnixSocketServer.start(socket(), ACCESS, List.of(service(version)));
    opened.push(server);
    return server;
  }

  private RuntimeServiceBlockingStub client() {
    CriChannel channel = CriChannel.to(socket());
    opened.push(channel);
    return RuntimeServiceGrpc.newBlockingStub(channel.channel()).withDeadlineAfter(20, SECONDS);
  }

  private static VersionResponse named(String name) {
    return VersionResponse.newBuilder().setRuntimeName(name).build();
  }

  @Test
  void verbAnswersOnAVirtualThread() throws Exception {
    start((request, _) -> named(request.getVersion() + Thread.currentThread().isVirtual()));
    assertThat(client().version(VersionRequest.newBuilder().setVersion("v").build()))
        .isEqualTo(named("vtrue"));
  }

  @Test
  void rpcWithoutVerbAnswersUnimplementedWithItsName() throws Exception {
    start((_, _) -> named("x"));
    var client = client();
    assertStatus(
        () -> client.status(StatusRequest.getDefaultInstance()),
        Status.Code.UNIMPLEMENTED,
        "rpc Status is not implemented");
    assertStatus(
        () -> client.listPodSandbox(ListPodSandboxRequest.getDefaultInstance()),
        Status.Code.UNIMPLEMENTED,
        "rpc ListPodSandbox is not implemented");
  }

  @ParameterizedTest
  @EnumSource(BerthException.Kind.class)
  void kindOfAnErrorBecomesItsCode(BerthException.Kind kind) throws Exception {
    start((_, _) -> {
      throw new BerthException(kind, "what went wrong");
    });
    String code = kind == BerthException.Kind.KUBELET_REASON ? "UNKNOWN" : kind.name();
    assertStatus(
        () -> client().version(VersionRequest.getDefaultInstance()),
        Status.Code.valueOf(code),
        "what went wrong");
  }

  @Test
  void unexpectedFailureNamesTheVerb() throws Exception {
    start((_, _) -> {
      throw new IllegalStateException("boom");
    });
    assertStatus(
        () -> client().version(VersionRequest.getDefaultInstance()),
        Status.Code.INTERNAL,
        "Version: java.lang.IllegalStateException: boom");
  }

  @Test
  void operationCarriesDeadlineAndTrace() throws Exception {
    var seen = new CompletableFuture<Operation>();
    start((_, operation) -> {
      seen.complete(operation);
      return named("x");
    });
    String trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    var headers = new Metadata();
    headers.put(Metadata.Key.of("traceparent", Metadata.ASCII_STRING_MARSHALLER), trace);
    client()
        .withInterceptors(MetadataUtils.newAttachHeadersInterceptor(headers))
        .version(VersionRequest.getDefaultInstance());
    Operation operation = seen.get(5, SECONDS);
    assertThat(operation.verb()).isEqualTo("Version");
    assertThat(operation.traceparent()).isEqualTo(trace);
    assertThat(operation.remaining(Duration.ofDays(1))).isLessThan(Duration.ofSeconds(21));
  }

  @ParameterizedTest
  @CsvSource({"''", "00-xyz", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more"})
  void malformedTraceCountsAsNone(String trace) throws Exception {
    var seen = new CompletableFuture<Operation>();
    start((_, operation) -> {
      seen.complete(operation);
      return named("x");
    });
    var headers = new Metadata();
    headers.put(Metadata.Key.of("traceparent", Metadata.ASCII_STRING_MARSHALLER), trace);
    client()
        .withInterceptors(MetadataUtils.newAttachHeadersInterceptor(headers))
        .version(VersionRequest.getDefaultInstance());
    assertThat(seen.get(5, SECONDS).traceparent()).isNull();
  }

  @Test
  void runningVerbLearnsThatItsCallerIsGone() throws Exception {
    var cancelled = new CountDownLatch(1);
    start((_, operation) -> {
      operation.onCancel(cancelled::countDown);
      cancelled.await();
      return named("late");
    });
    assertStatus(
        () ->
            client()
                .withDeadlineAfter(200, MILLISECONDS)
                .version(VersionRequest.getDefaultInstance()),
        Status.Code.DEADLINE_EXCEEDED,
        "");
    assertThat(cancelled.await(5, SECONDS)).isTrue();
  }

  @Test
  void tooLargeMessageIsRefused() throws Exception {
    start((_, _) -> named("x"));
    var huge =
        VersionRequest.newBuilder().setVersion("x".repeat(UnixSocketServer.MAX_MESSAGE_BYTES));
    assertStatus(() -> client().version(huge.build()), Status.Code.RESOURCE_EXHAUSTED, "");
  }

  @Test
  void socketHasItsModeAndGoesWithTheServer() throws Exception {
    var server = start((_, _) -> named("x"));
    assertThat((Integer) Files.getAttribute(socket(), "unix:mode") & 07777).isEqualTo(0640);
    try (var files = Files.list(dir)) {
      assertThat(files).containsExactly(socket());
    }
    server.close();
    assertThat(dir).isEmptyDirectory();
  }

  @Test
  void socketOfADeadServerIsReplaced() throws Exception {
    ServerSocketChannel.open(StandardProtocolFamily.UNIX)
        .bind(UnixDomainSocketAddress.of(socket()))
        .close(); // the file stays, as after kill -9
    assertThat(socket()).exists();
    start((_, _) -> named("second"));
    assertThat(client().version(VersionRequest.getDefaultInstance())).isEqualTo(named("second"));
  }

  @Test
  void socketOfALiveServerIsLeftAlone() throws Exception {
    start((_, _) -> named("first"));
    assertThatThrownBy(() -> start((_, _) -> named("second")))
        .isInstanceOf(BerthException.class)
        .hasMessage("listen: another process already serves " + socket());
    assertThat(client().version(VersionRequest.getDefaultInstance())).isEqualTo(named("first"));
  }

  @Test
  void fileThatIsNoSocketIsLeftAlone() throws Exception {
    Files.writeString(socket(), "precious");
    assertThatThrownBy(() -> start((_, _) -> named("x")))
        .isInstanceOf(BerthException.class)
        .hasMessage("listen: " + socket() + " exists and is not a socket");
    assertThat(socket()).hasContent("precious");
  }

  @Test
  void unknownGroupIsNamedAndLeavesNoSocket() {
    assertThatThrownBy(() ->
            UnixSocketServer.start(
                socket(),
                new SocketAccess(0660, "no-such-group"),
                List.of(service((_, _) -> named("x")))))
        .isInstanceOf(BerthException.class)
        .hasMessage("socket_group: no such group: no-such-group");
    assertThat(dir).isEmptyDirectory();
  }

  private static void assertStatus(Runnable call, Status.Code code, String description) {
    assertThatThrownBy(call::run)
        .isInstanceOfSatisfying(
            StatusRuntimeException.class,
            e -> {
              assertThat(e.getStatus().getCode()).isEqualTo(code);
              assertThat(e.getStatus().getDescription()).contains(description);
            });
  }
}
