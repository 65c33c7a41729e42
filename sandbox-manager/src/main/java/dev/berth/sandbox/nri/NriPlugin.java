package dev.berth.sandbox.nri;

import static dev.berth.base.BerthException.Kind.CANCELLED;
import static dev.berth.base.BerthException.Kind.DEADLINE_EXCEEDED;
import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;
import static dev.berth.base.BerthException.Kind.UNAVAILABLE;
import static dev.berth.base.BerthException.Kind.UNIMPLEMENTED;
import static java.lang.System.Logger.Level.INFO;
import static java.lang.System.Logger.Level.WARNING;

import com.google.protobuf.MessageLite;
import com.google.protobuf.Parser;
import dev.berth.base.BerthException;
import dev.berth.base.Ids;
import dev.berth.proto.nri.ConfigureRequest;
import dev.berth.proto.nri.ConfigureResponse;
import dev.berth.proto.nri.ContainerUpdate;
import dev.berth.proto.nri.Empty;
import dev.berth.proto.nri.Event;
import dev.berth.proto.nri.PluginInstance;
import dev.berth.proto.nri.RegisterPluginRequest;
import dev.berth.proto.nri.StateChangeEvent;
import dev.berth.proto.nri.SynchronizeRequest;
import dev.berth.proto.nri.SynchronizeResponse;
import dev.berth.proto.nri.UpdateContainersRequest;
import dev.berth.proto.nri.UpdateContainersResponse;
import dev.berth.shim.ttrpc.Metadata;
import dev.berth.shim.ttrpc.ServerConnection;
import dev.berth.shim.ttrpc.TtrpcClient;
import dev.berth.shim.ttrpc.TtrpcService;
import java.nio.channels.ByteChannel;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import java.util.regex.Pattern;

/**
 * One connected plugin.
 *
 * <pre>
 *   connected -- RegisterPlugin --> registered -- Configure --> configured -- Synchronize --> active
 *       any of them -- too slow, broken connection --> closed
 * </pre>
 *
 * <p>Requests go to it one at a time, in the order in which they came: plugins are written for
 * that. It may ask for updates of containers at any time, also while it is asked. Thread-safe.
 */
final class NriPlugin implements AutoCloseable {
  static final String API_VERSION = "v0.10.0";

  private static final System.Logger LOG = System.getLogger(NriPlugin.class.getName());
  private static final String PACKAGE = "nri.pkg.api.v1alpha1.";
  private static final String RUNTIME_NAME = "berth";
  private static final Pattern NAME = Pattern.compile("[A-Za-z0-9_.+-]+");
  private static final Pattern INDEX = Pattern.compile("[0-9]{2}");
  private static final int ALL_EVENTS = (1 << (Event.LAST_VALUE - 1)) - 1;

  /** A turn comes when the requests before it are answered or given up. */
  private static final Duration TURN_LIMIT = Duration.ofMinutes(2);

  private final NriSettings settings;
  private final NriRuntime runtime;
  private final Consumer<NriPlugin> onClose;
  private final Multiplexer multiplexer;
  private final TtrpcClient client;
  private final ServerConnection server;
  private final CompletableFuture<RegisterPluginRequest> registration = new CompletableFuture<>();
  private final ReentrantLock turn = new ReentrantLock(true);
  private final Set<String> unknownMethods = ConcurrentHashMap.newKeySet();
  private volatile String name = "a plugin that has not registered";
  private volatile String index = "";
  private volatile String base = "";
  private volatile int events;
  private final AtomicBoolean closed = new AtomicBoolean();

  /**
   * @param connection belongs to the plugin
   * @param onClose told once when the plugin is closed; must not wait
   */
  NriPlugin(
      ByteChannel connection,
      NriSettings settings,
      NriRuntime runtime,
      Consumer<NriPlugin> onClose) {
    this.settings = settings;
    this.runtime = runtime;
    this.onClose = onClose;
    multiplexer = new Multiplexer(connection);
    ByteChannel toPlugin = multiplexer.open(Multiplexer.PLUGIN_SERVICE);
    ByteChannel toRuntime = multiplexer.open(Multiplexer.RUNTIME_SERVICE);
    client = TtrpcClient.over("nri plugin", toPlugin);
    server = ServerConnection.serve("nri runtime", toRuntime, runtimeService());
    var _ = client.closed().thenAccept(_ -> close());
  }

  private TtrpcService runtimeService() {
    return TtrpcService.named(PACKAGE + "Runtime")
        .unary("RegisterPlugin", RegisterPluginRequest.parser(), (_, request) -> register(request))
        .unary(
            "UpdateContainers", UpdateContainersRequest.parser(), (_, request) -> update(request))
        .build();
  }

  private Empty register(RegisterPluginRequest request) {
    try {
      check("name", NAME, request.getPluginName());
      check("index", INDEX, request.getPluginIdx());
    } catch (BerthException e) {
      registration.completeExceptionally(e);
      throw e;
    }
    registration.complete(request);
    return Empty.getDefaultInstance();
  }

  private static void check(String what, Pattern pattern, String value) {
    if (!pattern.matcher(value).matches()) {
      throw new BerthException(
          INVALID_ARGUMENT, "nri plugin " + what + " is not valid: " + Ids.printable(value));
    }
  }

  private UpdateContainersResponse update(UpdateContainersRequest request) {
    if (!isConfigured()) {
      throw new BerthException(
          BerthException.Kind.FAILED_PRECONDITION, name + " is not configured yet");
    }
    List<ContainerUpdate> failed = runtime.update(request.getUpdateList());
    runtime.evict(request.getEvictList());
    return UpdateContainersResponse.newBuilder().addAllFailed(failed).build();
  }

  private boolean isConfigured() {
    return events != 0;
  }

  /** Begins to listen to it, and waits until it has registered and said what it wants to know. */
  void start() {
    multiplexer.start();
    RegisterPluginRequest request = awaitRegistration();
    index = request.getPluginIdx();
    base = request.getPluginName();
    name = index + "-" + base;
    LOG.log(INFO, "nri plugin {0} registered, version {1}", name, version(request));
    runtime.awaitRecovered(settings.registrationTimeout());
    configure();
  }

  private static String version(RegisterPluginRequest request) {
    return request.getNRIVersion().isEmpty() ? "unknown" : Ids.printable(request.getNRIVersion());
  }

  private RegisterPluginRequest awaitRegistration() {
    Duration limit = settings.registrationTimeout();
    try {
      return registration.get(limit.toNanos(), TimeUnit.NANOSECONDS);
    } catch (ExecutionException e) {
      throw e.getCause() instanceof BerthException known
          ? known
          : new BerthException(UNAVAILABLE, "registration of an nri plugin: " + e.getCause(), e);
    } catch (TimeoutException e) {
      throw new BerthException(
          DEADLINE_EXCEEDED, "an nri plugin did not register within " + limit, e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new BerthException(CANCELLED, "interrupted while an nri plugin registers", e);
    }
  }

  private void configure() {
    ConfigureResponse answer =
        call(
            "Configure",
            ConfigureRequest.newBuilder()
                .setRuntimeName(RUNTIME_NAME)
                .setRuntimeVersion(settings.runtimeVersion())
                .setRegistrationTimeout(settings.registrationTimeout().toMillis())
                .setRequestTimeout(settings.requestTimeout().toMillis())
                .setNRIVersion(API_VERSION)
                .build(),
            ConfigureResponse.parser(),
            settings.requestTimeout());
    int wanted = answer.getEvents();
    if ((wanted & ~ALL_EVENTS) != 0) {
      throw new BerthException(
          INVALID_ARGUMENT,
          "nri plugin " + name + " asks for events that there are not: 0x" + hex(wanted));
    }
    events = wanted == 0 ? ALL_EVENTS : wanted;
  }

  private static String hex(int mask) {
    return Integer.toHexString(mask);
  }

  /**
   * Shows it all that there is.
   *
   * @return the updates that it asks for
   * @throws BerthException if it does not take them
   */
  List<ContainerUpdate> synchronize(NriRuntime.State state) {
    List<ContainerUpdate> updates = new ArrayList<>();
    for (SynchronizeRequest part : SynchronizeParts.of(state)) {
      SynchronizeResponse answer =
          call("Synchronize", part, SynchronizeResponse.parser(), settings.registrationTimeout());
      if (part.getMore() && (!answer.getMore() || answer.getUpdateCount() > 0)) {
        throw new BerthException(
            UNIMPLEMENTED, "nri plugin " + name + " does not take Synchronize in several parts");
      }
      updates.addAll(answer.getUpdateList());
    }
    return updates;
  }

  /** Returns index and name: {@code "10-topology"}. */
  String name() {
    return name;
  }

  String index() {
    return index;
  }

  PluginInstance instance() {
    return PluginInstance.newBuilder().setName(base).setIndex(index).build();
  }

  boolean wants(Event event) {
    return !isClosed() && (events & (1 << (event.getNumber() - 1))) != 0;
  }

  boolean isClosed() {
    return closed.get();
  }

  /**
   * Asks it, if it wants to be asked.
   *
   * @return empty if it does not, or if it did not answer in time and is now closed
   * @throws BerthException what it answered
   */
  <R extends MessageLite> Optional<R> ask(
      Event event, String method, MessageLite request, Parser<R> parser) {
    if (!wants(event)) {
      return Optional.empty();
    }
    try {
      return Optional.of(inTurn(method, request, parser));
    } catch (BerthException e) {
      if (!isFatal(e)) {
        throw e;
      }
      LOG.log(WARNING, "nri plugin " + name + " is disconnected: " + e.getMessage());
      close();
      return Optional.empty();
    }
  }

  /**
   * Tells it of an event, if it wants to know: by the method for it, or where the plugin is too old
   * for that by StateChange.
   *
   * @throws BerthException what it answered
   */
  void tell(String method, MessageLite request, StateChangeEvent event) {
    if (!unknownMethods.contains(method)) {
      try {
        var _ = ask(event.getEvent(), method, request, Empty.parser());
        return;
      } catch (BerthException e) {
        if (e.kind() != UNIMPLEMENTED) {
          throw e;
        }
        unknownMethods.add(method);
      }
    }
    var _ = ask(event.getEvent(), "StateChange", event, Empty.parser());
  }

  private <R extends MessageLite> R inTurn(String method, MessageLite request, Parser<R> parser) {
    try {
      if (!turn.tryLock(TURN_LIMIT.toNanos(), TimeUnit.NANOSECONDS)) {
        throw new BerthException(
            BerthException.Kind.RESOURCE_EXHAUSTED,
            "nri plugin " + name + ": " + method + ": no turn within " + TURN_LIMIT);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new BerthException(CANCELLED, "nri plugin " + name + ": " + method, e);
    }
    try {
      if (isClosed()) {
        throw new BerthException(UNAVAILABLE, "nri plugin " + name + " was disconnected");
      }
      return call(method, request, parser, settings.requestTimeout());
    } finally {
      turn.unlock();
    }
  }

  private <R extends MessageLite> R call(
      String method, MessageLite request, Parser<R> parser, Duration limit) {
    try {
      return client.call(PACKAGE + "Plugin", method, request, parser, Metadata.NONE, limit);
    } catch (BerthException e) {
      throw e.during("nri plugin " + name);
    }
  }

  /** A failure of the connection, and not the plugin's answer. */
  private boolean isFatal(BerthException failure) {
    return isClosed() || !client.isOpen() || failure.kind() == DEADLINE_EXCEEDED;
  }

  /** Ends the connection; what is under way fails. Does not wait. Idempotent. */
  @Override
  public void close() {
    if (!closed.compareAndSet(false, true)) {
      return;
    }
    registration.completeExceptionally(
        new BerthException(UNAVAILABLE, "the connection of an nri plugin was ended"));
    onClose.accept(this);
    Thread.ofVirtual().name("nri-close").start(this::end);
  }

  /** What it has asked for gets its answer, if it takes it: why it was refused, say. */
  private void end() {
    client.close();
    server.close();
    multiplexer.close();
  }
}
