package dev.berth.sandbox.nri;

import com.google.protobuf.MessageLite;
import dev.berth.base.BerthException;
import dev.berth.proto.nri.ConfigureRequest;
import dev.berth.proto.nri.ConfigureResponse;
import dev.berth.proto.nri.Container;
import dev.berth.proto.nri.ContainerUpdate;
import dev.berth.proto.nri.CreateContainerRequest;
import dev.berth.proto.nri.CreateContainerResponse;
import dev.berth.proto.nri.Empty;
import dev.berth.proto.nri.Event;
import dev.berth.proto.nri.PodSandbox;
import dev.berth.proto.nri.RegisterPluginRequest;
import dev.berth.proto.nri.StartContainerRequest;
import dev.berth.proto.nri.StateChangeEvent;
import dev.berth.proto.nri.StopContainerRequest;
import dev.berth.proto.nri.StopContainerResponse;
import dev.berth.proto.nri.SynchronizeRequest;
import dev.berth.proto.nri.SynchronizeResponse;
import dev.berth.proto.nri.UpdateContainerRequest;
import dev.berth.proto.nri.UpdateContainerResponse;
import dev.berth.proto.nri.UpdateContainersRequest;
import dev.berth.proto.nri.UpdateContainersResponse;
import dev.berth.proto.nri.UpdatePodSandboxRequest;
import dev.berth.proto.nri.ValidateContainerAdjustmentRequest;
import dev.berth.proto.nri.ValidateContainerAdjustmentResponse;
import dev.berth.shim.ttrpc.Metadata;
import dev.berth.shim.ttrpc.ServerConnection;
import dev.berth.shim.ttrpc.TtrpcClient;
import dev.berth.shim.ttrpc.TtrpcService;
import dev.berth.testing.Await;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ByteChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.stream.Stream;

/** A plugin that notes what it is told, and answers as a test wants. */
public final class TestPlugin implements AutoCloseable {
  private static final String PACKAGE = "nri.pkg.api.v1alpha1.";
  private static final Duration LIMIT = Duration.ofSeconds(10);

  /**
   * A request that came.
   *
   * @param method its name; of a StateChange, that of the event
   */
  public record Told(String method, PodSandbox pod, Container container) {}

  private final List<Told> told = new CopyOnWriteArrayList<>();
  private final CountDownLatch ready = new CountDownLatch(1);
  private final Multiplexer multiplexer;
  private final TtrpcClient runtime;
  private final ServerConnection server;

  private volatile List<SynchronizeRequest> shown = List.of();
  private volatile ConfigureRequest configuration = ConfigureRequest.getDefaultInstance();

  /** What the next answers are; each may throw, or take its time. */
  public volatile Function<SynchronizeRequest, SynchronizeResponse> onSynchronize =
      request -> SynchronizeResponse.newBuilder().setMore(request.getMore()).build();

  public volatile Function<CreateContainerRequest, CreateContainerResponse> onCreate =
      _ -> CreateContainerResponse.getDefaultInstance();
  public volatile Function<UpdateContainerRequest, UpdateContainerResponse> onUpdate =
      _ -> UpdateContainerResponse.getDefaultInstance();
  public volatile Function<StopContainerRequest, StopContainerResponse> onStop =
      _ -> StopContainerResponse.getDefaultInstance();
  public volatile Function<ValidateContainerAdjustmentRequest, ValidateContainerAdjustmentResponse>
      onValidate = _ -> ValidateContainerAdjustmentResponse.getDefaultInstance();
  public volatile Consumer<Told> onNotice = _ -> {};
  public volatile int events;

  private TestPlugin(Path socket, boolean old) throws IOException {
    multiplexer = new Multiplexer(SocketChannel.open(UnixDomainSocketAddress.of(socket)));
    ByteChannel fromRuntime = multiplexer.open(Multiplexer.PLUGIN_SERVICE);
    ByteChannel toRuntime = multiplexer.open(Multiplexer.RUNTIME_SERVICE);
    runtime = TtrpcClient.over("runtime", toRuntime);
    server = ServerConnection.serve("plugin", fromRuntime, service(old));
    multiplexer.start();
  }

  /** Connects a plugin that is told to register later. */
  public static TestPlugin connect(Path socket) throws IOException {
    return new TestPlugin(socket, false);
  }

  /** Connects a plugin that knows StateChange only, as those before version 0.10 do. */
  public static TestPlugin connectOld(Path socket) throws IOException {
    return new TestPlugin(socket, true);
  }

  /** Connects a plugin and waits until it was shown what there is. */
  public static TestPlugin join(Path socket, String index, String name) throws IOException {
    return connect(socket).join(index, name);
  }

  /** Registers and waits until it was shown what there is. */
  public TestPlugin join(String index, String name) {
    register(index, name);
    awaitReady();
    return this;
  }

  /** Registers. */
  public void register(String index, String name) {
    Empty _ =
        runtime.call(
            PACKAGE + "Runtime",
            "RegisterPlugin",
            RegisterPluginRequest.newBuilder().setPluginIdx(index).setPluginName(name).build(),
            Empty.parser(),
            Metadata.NONE,
            LIMIT);
  }

  void awaitReady() {
    Await.until("the plugin was shown what there is", LIMIT, () -> ready.getCount() == 0);
  }

  /** Asks for updates by itself. */
  public UpdateContainersResponse update(ContainerUpdate... updates) {
    return update(UpdateContainersRequest.newBuilder().addAllUpdate(List.of(updates)).build());
  }

  /** Asks for updates and evictions by itself. */
  public UpdateContainersResponse update(UpdateContainersRequest request) {
    return runtime.call(
        PACKAGE + "Runtime",
        "UpdateContainers",
        request,
        UpdateContainersResponse.parser(),
        Metadata.NONE,
        LIMIT);
  }

  private TtrpcService service(boolean old) {
    TtrpcService.Builder methods =
        TtrpcService.named(PACKAGE + "Plugin")
            .unary("Configure", ConfigureRequest.parser(), (_, request) -> configure(request))
            .unary("Synchronize", SynchronizeRequest.parser(), (_, part) -> synchronize(part))
            .unary("StateChange", StateChangeEvent.parser(), (_, event) -> changed(event));
    if (old) {
      return methods.build();
    }
    for (NriPlugins.Notice notice : NriPlugins.Notice.values()) {
      methods.unary(
          notice.method(),
          StartContainerRequest.parser(), // the same fields as those of all notices
          (_, request) -> note(notice.method(), request.getPod(), request.getContainer()));
    }
    return methods
        .unary(
            "UpdatePodSandbox",
            UpdatePodSandboxRequest.parser(),
            (_, request) ->
                note("UpdatePodSandbox", request.getPod(), Container.getDefaultInstance()))
        .unary(
            "CreateContainer",
            CreateContainerRequest.parser(),
            (_, request) -> {
              told.add(new Told("CreateContainer", request.getPod(), request.getContainer()));
              return onCreate.apply(request);
            })
        .unary(
            "UpdateContainer",
            UpdateContainerRequest.parser(),
            (_, request) -> {
              told.add(new Told("UpdateContainer", request.getPod(), request.getContainer()));
              return onUpdate.apply(request);
            })
        .unary(
            "StopContainer",
            StopContainerRequest.parser(),
            (_, request) -> {
              told.add(new Told("StopContainer", request.getPod(), request.getContainer()));
              return onStop.apply(request);
            })
        .unary(
            "ValidateContainerAdjustment",
            ValidateContainerAdjustmentRequest.parser(),
            (_, request) -> onValidate.apply(request))
        .build();
  }

  private MessageLite configure(ConfigureRequest request) {
    configuration = request;
    int all = (1 << (Event.LAST_VALUE - 1)) - 1;
    int validation = 1 << (Event.VALIDATE_CONTAINER_ADJUSTMENT_VALUE - 1);
    return ConfigureResponse.newBuilder()
        .setEvents(events == 0 ? all & ~validation : events)
        .build();
  }

  private MessageLite synchronize(SynchronizeRequest part) {
    shown = Stream.concat(shown.stream(), Stream.of(part)).toList();
    SynchronizeResponse answer = onSynchronize.apply(part);
    if (!part.getMore()) {
      ready.countDown();
    }
    return answer;
  }

  private MessageLite changed(StateChangeEvent event) {
    return note("StateChange " + event.getEvent(), event.getPod(), event.getContainer());
  }

  private MessageLite note(String method, PodSandbox pod, Container container) {
    var one = new Told(method, pod, container);
    told.add(one);
    onNotice.accept(one);
    return Empty.getDefaultInstance();
  }

  /** Returns all it was told, in order. */
  public List<Told> told() {
    return told;
  }

  /** Returns the methods by which it was told of one container. */
  public List<String> toldOf(String containerId) {
    return told.stream()
        .filter(one -> one.container().getId().equals(containerId))
        .map(Told::method)
        .toList();
  }

  /** Returns the methods by which it was told of a pod, and not of its containers. */
  public List<String> toldOfPod(String sandboxId) {
    return told.stream()
        .filter(one -> one.pod().getId().equals(sandboxId) && one.container().getId().isEmpty())
        .map(Told::method)
        .toList();
  }

  /** Returns what it was shown when it joined, part by part. */
  public List<SynchronizeRequest> shown() {
    return shown;
  }

  public ConfigureRequest configuration() {
    return configuration;
  }

  /** Returns whether the runtime has ended the connection. */
  public boolean isDisconnected() {
    return runtime.closed().isDone();
  }

  /** Fails an answer. */
  public static BerthException refusal(String message) {
    return new BerthException(BerthException.Kind.INTERNAL, message);
  }

  @Override
  public void close() {
    multiplexer.close();
    runtime.close();
    server.close();
  }

  /** Joins and stays, as a process that a test can stop: socket, index, name. */
  public static void main(String[] arguments) throws Exception {
    try (var _ = join(Path.of(arguments[0]), arguments[1], arguments[2])) {
      System.out.println("joined");
      new CountDownLatch(1).await(60, TimeUnit.SECONDS);
    }
  }
}
