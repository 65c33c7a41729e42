package dev.berth.shim.ttrpc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.google.protobuf.Empty;
import com.google.protobuf.MessageLite;
import com.sun.management.HotSpotDiagnosticMXBean;
import dev.berth.base.BerthException;
import dev.berth.base.BerthException.Kind;
import dev.berth.proto.shim.task.v3.StateRequest;
import dev.berth.proto.shim.task.v3.StateResponse;
import dev.berth.testing.Await;
import dev.berth.testing.RequiresRoot;
import java.lang.management.ManagementFactory;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Client and server against each other over a real socket. */
@RequiresRoot
class TtrpcTest {
  private static final Duration SOON = Duration.ofSeconds(5);
  private static final String SERVICE = "test.Echo";

  @TempDir Path dir;
  private final CountDownLatch release = new CountDownLatch(1);
  private final AtomicBoolean hanging = new AtomicBoolean();
  private final AtomicBoolean cancelled = new AtomicBoolean();
  private TtrpcServer server;
  private TtrpcClient client;

  @BeforeEach
  void connect() {
    server = TtrpcServer.listen(dir.resolve("s"), service());
    client = TtrpcClient.connect(server.socket(), SOON);
  }

  @AfterEach
  void disconnect() {
    release.countDown();
    client.close();
    server.close();
  }

  private TtrpcService service() {
    return TtrpcService.named(SERVICE)
        .unary("State", StateRequest.parser(), TtrpcTest::echo)
        .unary("Fail", StateRequest.parser(), TtrpcTest::fail)
        .unary("Describe", StateRequest.parser(), TtrpcTest::describe)
        .unary("Hang", StateRequest.parser(), this::hang)
        .unary("Large", StateRequest.parser(), TtrpcTest::large)
        .build();
  }

  private static MessageLite echo(TtrpcCall call, StateRequest request) {
    return StateResponse.newBuilder().setId(request.getId()).build();
  }

  private static MessageLite fail(TtrpcCall call, StateRequest request) {
    if (request.getId().isEmpty()) {
      throw new IllegalStateException("a bug");
    }
    throw new BerthException(Kind.valueOf(request.getId()), "it failed");
  }

  private static MessageLite describe(TtrpcCall call, StateRequest request) {
    return StateResponse.newBuilder()
        .setId(call.metadata().values().toString())
        .setBundle(call.operation().remaining(Duration.ofHours(1)).toString())
        .setStdin(String.valueOf(call.operation().traceparent()))
        .build();
  }

  private MessageLite hang(TtrpcCall call, StateRequest request) throws InterruptedException {
    if (!request.getId().equals("stubborn")) {
      call.operation()
          .onCancel(() -> {
            cancelled.set(true);
            release.countDown();
          });
    }
    hanging.set(true);
    release.await();
    return Empty.getDefaultInstance();
  }

  private static MessageLite large(TtrpcCall call, StateRequest request) {
    return StateResponse.newBuilder().setId("x".repeat(5 << 20)).build();
  }

  private StateResponse call(String method, String id, Duration timeout) {
    return call(method, id, Metadata.NONE, timeout);
  }

  private StateResponse call(String method, String id, Metadata metadata, Duration timeout) {
    return client.call(
        SERVICE,
        method,
        StateRequest.newBuilder().setId(id).build(),
        StateResponse.parser(),
        metadata,
        timeout);
  }

  private BerthException failureOf(String method, String id, Duration timeout) {
    return catchThrowableOfType(BerthException.class, () -> call(method, id, timeout));
  }

  @Test
  void requestIsAnswered() {
    assertThat(call("State", "pod", SOON).getId()).isEqualTo("pod");
  }

  @Test
  void socketBelongsToItsOwnerAlone() throws Exception {
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(server.socket())))
        .isEqualTo("rw-------");
  }

  @ParameterizedTest
  @EnumSource(
      value = Kind.class,
      mode = EnumSource.Mode.EXCLUDE,
      names = {"KUBELET_REASON"})
  void kindOfFailureSurvivesTheWire(Kind kind) {
    BerthException failure = failureOf("Fail", kind.name(), SOON);

    assertThat(failure.kind()).isEqualTo(kind);
    assertThat(failure).hasMessage("it failed");
  }

  @Test
  void bugInAMethodIsAnInternalErrorThatNamesTheCall() {
    BerthException failure = failureOf("Fail", "", SOON);

    assertThat(failure.kind()).isEqualTo(Kind.INTERNAL);
    assertThat(failure).hasMessageContaining("/test.Echo/Fail").hasMessageContaining("a bug");
  }

  @Test
  void unknownMethodAndServiceAreUnimplementedAndNamed() {
    assertThat(failureOf("Checkpoint", "x", SOON))
        .hasMessageContaining("/test.Echo/Checkpoint")
        .extracting(BerthException::kind)
        .isEqualTo(Kind.UNIMPLEMENTED);
    assertThatThrownBy(() ->
            client.call(
                "other.Service",
                "State",
                Empty.getDefaultInstance(),
                Empty.parser(),
                Metadata.NONE,
                SOON))
        .hasMessageContaining("/other.Service/State");
  }

  @Test
  void metadataTraceAndDeadlineReachTheMethod() {
    var metadata = new Metadata(java.util.Map.of("A-Key", "value")).with("traceparent", "00-1-2-3");

    StateResponse answer = call("Describe", "", metadata, SOON);

    assertThat(answer.getId()).contains("a-key=value");
    assertThat(answer.getStdin()).isEqualTo("00-1-2-3");
    assertThat(Duration.parse(answer.getBundle())).isBetween(Duration.ofSeconds(1), SOON);
  }

  @Test
  void callThatIsNotAnsweredEndsAtItsDeadlineAndOthersGoOn() {
    BerthException failure = failureOf("Hang", "", Duration.ofMillis(50));

    assertThat(failure.kind()).isEqualTo(Kind.DEADLINE_EXCEEDED);
    assertThat(failure).hasMessageContaining("/test.Echo/Hang");
    assertThat(call("State", "still here", SOON).getId()).isEqualTo("still here");
  }

  @Test
  void waitingCallHoldsUpNoOther() throws Exception {
    CompletableFuture<Empty> waiting = startHang("");

    assertThat(call("State", "a", SOON).getId()).isEqualTo("a");
    assertThat(waiting).isNotDone();
    release.countDown();
    assertThat(waiting.get(5, TimeUnit.SECONDS)).isEqualTo(Empty.getDefaultInstance());
  }

  private CompletableFuture<Empty> startHang(String id) {
    return client.start(
        SERVICE,
        "Hang",
        StateRequest.newBuilder().setId(id).build(),
        Empty.parser(),
        Metadata.NONE);
  }

  @Test
  void operationIsCancelledWhenTheCallerVanishes() {
    CompletableFuture<Empty> waiting = startHang("");
    Await.until("the call is under way", SOON, hanging::get);

    client.close();

    Await.until("the operation is cancelled", SOON, cancelled::get);
    Await.until("the call has failed", SOON, waiting::isCompletedExceptionally);
  }

  @Test
  void callsUnderWayFailWhenTheServerEnds() {
    CompletableFuture<Empty> waiting = startHang("stubborn");
    Await.until("the call is under way", SOON, hanging::get);

    server.close();

    assertThatThrownBy(() -> waiting.get(5, TimeUnit.SECONDS))
        .isInstanceOf(ExecutionException.class);
    Await.until("the client has noticed", SOON, () -> client.closed().isDone());
    assertThat(failureOf("State", "x", SOON).kind()).isEqualTo(Kind.UNAVAILABLE);
  }

  @Test
  void serverThatEndsLetsCallsAnswerThatHeedTheirCancellation() throws Exception {
    CompletableFuture<Empty> waiting = startHang("");
    Await.until("the call is under way", SOON, hanging::get);

    server.close();

    assertThat(waiting.get(5, TimeUnit.SECONDS)).isEqualTo(Empty.getDefaultInstance());
    assertThat(server.socket()).doesNotExist();
  }

  @Test
  void closingLeavesNoThread() throws Exception {
    startHang("stubborn").cancel(true);
    Await.until("the call is under way", SOON, hanging::get);

    client.close();
    server.close();

    assertThat(threads("ttrpc")).isEmpty();
  }

  /** Virtual threads show up in a thread dump only. */
  private List<String> threads(String name) throws Exception {
    Path dump = dir.resolve("threads-" + System.nanoTime());
    ManagementFactory.getPlatformMXBean(HotSpotDiagnosticMXBean.class)
        .dumpThreads(dump.toString(), HotSpotDiagnosticMXBean.ThreadDumpFormat.TEXT_PLAIN);
    return Files.readAllLines(dump).stream().filter(l -> l.contains("\"" + name)).toList();
  }

  @Test
  void threadDumpShowsTheThreads() throws Exception {
    assertThat(threads("ttrpc-accept " + server.socket())).hasSize(1);
  }

  @Test
  void tooLongRequestIsNeverSentAndTooLongAnswerIsAnError() {
    assertThat(failureOf("State", "x".repeat(4 << 20), SOON).kind())
        .isEqualTo(Kind.RESOURCE_EXHAUSTED);
    assertThat(failureOf("Large", "", SOON).kind()).isEqualTo(Kind.RESOURCE_EXHAUSTED);
    assertThat(call("State", "x".repeat((4 << 20) - 200), SOON).getId()).hasSize((4 << 20) - 200);
  }

  @Test
  void manyCallersShareOneConnection() throws Exception {
    List<Thread> callers = new ArrayList<>();
    List<String> wrong = new java.util.concurrent.CopyOnWriteArrayList<>();
    for (int caller = 0; caller < 16; caller++) {
      String name = "caller-" + caller;
      callers.add(
          Thread.ofVirtual()
              .start(() -> {
                for (int i = 0; i < 500; i++) {
                  String id = name + "-" + i;
                  if (!call("State", id, SOON).getId().equals(id)) {
                    wrong.add(id);
                  }
                }
              }));
    }
    for (Thread caller : callers) {
      caller.join();
    }
    assertThat(wrong).isEmpty();
    assertThat(client.closed()).isNotDone();
  }

  @Test
  void connectingToNobodyIsUnavailableAndNamesTheSocket() {
    assertThatThrownBy(() -> TtrpcClient.connect(dir.resolve("none"), SOON))
        .isInstanceOf(BerthException.class)
        .hasMessageContaining(dir.resolve("none").toString())
        .extracting(e -> ((BerthException) e).kind())
        .isEqualTo(Kind.UNAVAILABLE);
  }

  @Test
  void peerOfAnotherUserIsRefused() {
    try (var strict =
            TtrpcServer.listen(dir.resolve("strict"), PeerPolicy.ownedBy("12345"), service());
        var refused = TtrpcClient.connect(strict.socket(), SOON)) {
      assertThatThrownBy(() ->
              refused.call(
                  SERVICE,
                  "State",
                  StateRequest.getDefaultInstance(),
                  StateResponse.parser(),
                  Metadata.NONE,
                  SOON))
          .isInstanceOf(BerthException.class)
          .extracting(e -> ((BerthException) e).kind())
          .isEqualTo(Kind.UNAVAILABLE);
    }
  }

  @Test
  void ownUserIsAdmittedByNumber() throws Exception {
    try (SocketChannel peer = UnixSockets.connect(server.socket(), SOON)) {
      assertThat(PeerPolicy.ROOT_ONLY.admits(peer)).isTrue();
      assertThat(PeerPolicy.ownedBy("12345").admits(peer)).isFalse();
    }
  }

  @Test
  void frozenPeerHoldsUpACallerNoLongerThanItsDeadline() throws Exception {
    try (var listener = UnixSockets.listen(dir.resolve("frozen"));
        var frozen = TtrpcClient.connect(dir.resolve("frozen"), SOON);
        var accepted = listener.accept()) {
      assertThat(accepted.isOpen()).isTrue();
      var request = StateRequest.newBuilder().setId("x".repeat(1 << 20)).build();
      for (int i = 0; i < 5; i++) {
        assertThatThrownBy(() ->
                frozen.call(
                    SERVICE,
                    "State",
                    request,
                    StateResponse.parser(),
                    Metadata.NONE,
                    Duration.ofMillis(20)))
            .isInstanceOf(BerthException.class)
            .extracting(e -> ((BerthException) e).kind())
            .isEqualTo(Kind.DEADLINE_EXCEEDED);
      }
    }
  }
}
