package dev.berth.e2e;

import com.google.protobuf.MessageLite;
import dev.berth.proto.nri.ConfigureRequest;
import dev.berth.proto.nri.ConfigureResponse;
import dev.berth.proto.nri.ContainerAdjustment;
import dev.berth.proto.nri.CreateContainerRequest;
import dev.berth.proto.nri.CreateContainerResponse;
import dev.berth.proto.nri.Empty;
import dev.berth.proto.nri.Event;
import dev.berth.proto.nri.RegisterPluginRequest;
import dev.berth.proto.nri.StateChangeEvent;
import dev.berth.proto.nri.StopContainerRequest;
import dev.berth.proto.nri.StopContainerResponse;
import dev.berth.proto.nri.SynchronizeRequest;
import dev.berth.proto.nri.SynchronizeResponse;
import dev.berth.sandbox.nri.Multiplexer;
import dev.berth.shim.ttrpc.Metadata;
import dev.berth.shim.ttrpc.ServerConnection;
import dev.berth.shim.ttrpc.TtrpcClient;
import dev.berth.shim.ttrpc.TtrpcService;
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

/** A plugin of the oldest kind: asked about new containers, told of the rest by StateChange. */
final class NodePlugin implements AutoCloseable {
  private static final String PACKAGE = "nri.pkg.api.v1alpha1.";
  private static final Duration LIMIT = Duration.ofSeconds(10);

  private final ContainerAdjustment adjustment;
  private final Multiplexer multiplexer;
  private final TtrpcClient runtime;
  private final ServerConnection server;
  private final List<String> events = new CopyOnWriteArrayList<>();
  private final CountDownLatch shown = new CountDownLatch(1);

  private NodePlugin(Path socket, ContainerAdjustment adjustment) throws IOException {
    this.adjustment = adjustment;
    multiplexer = new Multiplexer(SocketChannel.open(UnixDomainSocketAddress.of(socket)));
    ByteChannel fromRuntime = multiplexer.open(Multiplexer.PLUGIN_SERVICE);
    ByteChannel toRuntime = multiplexer.open(Multiplexer.RUNTIME_SERVICE);
    runtime = TtrpcClient.over("runtime", toRuntime);
    server = ServerConnection.serve("plugin", fromRuntime, service());
    multiplexer.start();
  }

  /**
   * Connects and waits until it was shown what there is.
   *
   * @param adjustment what it wants of every container
   */
  static NodePlugin join(Path socket, ContainerAdjustment adjustment) throws Exception {
    NodePlugin plugin = new NodePlugin(socket, adjustment);
    Empty _ =
        plugin.runtime.call(
            PACKAGE + "Runtime",
            "RegisterPlugin",
            RegisterPluginRequest.newBuilder().setPluginIdx("10").setPluginName("e2e").build(),
            Empty.parser(),
            Metadata.NONE,
            LIMIT);
    if (!plugin.shown.await(LIMIT.toSeconds(), TimeUnit.SECONDS)) {
      throw new AssertionError("the plugin was not shown what there is");
    }
    return plugin;
  }

  private TtrpcService service() {
    return TtrpcService.named(PACKAGE + "Plugin")
        .unary("Configure", ConfigureRequest.parser(), (_, _) -> allButValidation())
        .unary("Synchronize", SynchronizeRequest.parser(), (_, _) -> synchronize())
        .unary("StateChange", StateChangeEvent.parser(), (_, event) -> changed(event))
        .unary("CreateContainer", CreateContainerRequest.parser(), (_, _) -> create())
        .unary("StopContainer", StopContainerRequest.parser(), (_, _) -> stop())
        .build();
  }

  private static MessageLite allButValidation() {
    int events = (1 << (Event.VALIDATE_CONTAINER_ADJUSTMENT_VALUE - 1)) - 1;
    return ConfigureResponse.newBuilder().setEvents(events).build();
  }

  private MessageLite synchronize() {
    shown.countDown();
    return SynchronizeResponse.getDefaultInstance();
  }

  private MessageLite changed(StateChangeEvent event) {
    events.add(event.getEvent().name());
    return Empty.getDefaultInstance();
  }

  private MessageLite create() {
    events.add("CREATE_CONTAINER");
    return CreateContainerResponse.newBuilder().setAdjust(adjustment).build();
  }

  private MessageLite stop() {
    events.add("STOP_CONTAINER");
    return StopContainerResponse.getDefaultInstance();
  }

  /** Returns the names of the events it was told of, in order. */
  List<String> events() {
    return events;
  }

  @Override
  public void close() {
    multiplexer.close();
    runtime.close();
    server.close();
  }
}
