package dev.berth.sandbox.nri;

import static dev.berth.base.BerthException.Kind.CANCELLED;
import static dev.berth.base.BerthException.Kind.DEADLINE_EXCEEDED;
import static java.lang.System.Logger.Level.INFO;
import static java.lang.System.Logger.Level.WARNING;

import dev.berth.base.BerthException;
import dev.berth.proto.nri.Container;
import dev.berth.proto.nri.ContainerAdjustment;
import dev.berth.proto.nri.ContainerEviction;
import dev.berth.proto.nri.ContainerUpdate;
import dev.berth.proto.nri.CreateContainerRequest;
import dev.berth.proto.nri.CreateContainerResponse;
import dev.berth.proto.nri.Event;
import dev.berth.proto.nri.LinuxResources;
import dev.berth.proto.nri.PodSandbox;
import dev.berth.proto.nri.StartContainerRequest;
import dev.berth.proto.nri.StateChangeEvent;
import dev.berth.proto.nri.StopContainerRequest;
import dev.berth.proto.nri.StopContainerResponse;
import dev.berth.proto.nri.UpdateContainerRequest;
import dev.berth.proto.nri.UpdateContainerResponse;
import dev.berth.proto.nri.UpdatePodSandboxRequest;
import dev.berth.shim.ttrpc.UnixListener;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import org.jspecify.annotations.Nullable;

/**
 * The plugins that are connected, asked and told in the order of their indexes.
 *
 * <p>A plugin that joins is shown all pods and containers. Each of them must reach it, and once:
 * with the others if it was there, or by an event if it came later. So showing, and the asking and
 * adding of new ones, exclude each other: who adds one {@link #hold holds} joining plugins off.
 *
 * <p>Thread-safe. No method may be called with a lock held that pods share, since a plugin may take
 * all of its time.
 */
public final class NriPlugins implements AutoCloseable {
  private static final System.Logger LOG = System.getLogger(NriPlugins.class.getName());
  private static final Duration JOIN_LIMIT = Duration.ofMinutes(2);

  /**
   * What plugins want of a new container.
   *
   * @param updates of other containers
   * @param evictions of other containers
   */
  public record Creation(
      ContainerAdjustment adjustment,
      List<ContainerUpdate> updates,
      List<ContainerEviction> evictions) {
    public Creation {
      updates = List.copyOf(updates);
      evictions = List.copyOf(evictions);
    }
  }

  /**
   * What plugins make of a change of limits.
   *
   * @param limits what they set of the container's own; without what was asked for
   * @param updates of other containers
   * @param evictions of any containers
   */
  public record Update(
      LinuxResources limits, List<ContainerUpdate> updates, List<ContainerEviction> evictions) {
    public Update {
      updates = List.copyOf(updates);
      evictions = List.copyOf(evictions);
    }
  }

  /** Something that plugins are only told of, and the method for it. */
  public enum Notice {
    RUN_POD_SANDBOX(Event.RUN_POD_SANDBOX_VALUE, "RunPodSandbox"),
    POST_UPDATE_POD_SANDBOX(Event.POST_UPDATE_POD_SANDBOX_VALUE, "PostUpdatePodSandbox"),
    STOP_POD_SANDBOX(Event.STOP_POD_SANDBOX_VALUE, "StopPodSandbox"),
    REMOVE_POD_SANDBOX(Event.REMOVE_POD_SANDBOX_VALUE, "RemovePodSandbox"),
    POST_CREATE_CONTAINER(Event.POST_CREATE_CONTAINER_VALUE, "PostCreateContainer"),
    START_CONTAINER(Event.START_CONTAINER_VALUE, "StartContainer"),
    POST_START_CONTAINER(Event.POST_START_CONTAINER_VALUE, "PostStartContainer"),
    POST_UPDATE_CONTAINER(Event.POST_UPDATE_CONTAINER_VALUE, "PostUpdateContainer"),
    REMOVE_CONTAINER(Event.REMOVE_CONTAINER_VALUE, "RemoveContainer");

    private final int event;
    private final String method;

    Notice(int event, String method) {
      this.event = event;
      this.method = method;
    }

    String method() {
      return method;
    }
  }

  /** Keeps plugins from joining until it is closed, by the thread that took it. */
  public record Held(Lock lock) implements AutoCloseable {
    @Override
    public void close() {
      lock.unlock();
    }
  }

  private final NriSettings settings;
  private final NriRuntime runtime;
  private final UnixListener listener;
  private final ReentrantReadWriteLock joining = new ReentrantReadWriteLock();
  private final Set<NriPlugin> connected = ConcurrentHashMap.newKeySet();
  private final Object listLock = new Object();
  private volatile boolean closing;

  /** Written under the lock. */
  private volatile List<NriPlugin> plugins = List.of();

  private NriPlugins(NriSettings settings, NriRuntime runtime) {
    this.settings = settings;
    this.runtime = runtime;
    this.listener = UnixListener.listen(settings.socket(), this::admit);
  }

  /**
   * Listens for plugins until {@link #close}.
   *
   * @return empty if another runtime of the machine listens on the path that all share
   * @throws BerthException FAILED_PRECONDITION if another process listens on a path of our own
   */
  public static Optional<NriPlugins> open(NriSettings settings, NriRuntime runtime) {
    return PluginSocket.prepare(settings)
        ? Optional.of(new NriPlugins(settings, runtime))
        : Optional.empty();
  }

  /** Returns whether there is no plugin to ask; then nothing need be made for it. */
  public boolean isEmpty() {
    return plugins.isEmpty();
  }

  /** Keeps plugins from joining while a pod or container is shown to those here and then added. */
  public Held hold(Duration limit) {
    return take(joining.readLock(), limit);
  }

  private static Held take(Lock lock, Duration limit) {
    try {
      if (!lock.tryLock(limit.toNanos(), TimeUnit.NANOSECONDS)) {
        throw new BerthException(
            DEADLINE_EXCEEDED, "an nri plugin did not finish joining within " + limit);
      }
      return new Held(lock);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new BerthException(CANCELLED, "interrupted while an nri plugin joins", e);
    }
  }

  private void admit(SocketChannel connection) {
    Thread.ofVirtual().name("nri-join").start(() -> join(connection));
  }

  private void join(SocketChannel connection) {
    var plugin = new NriPlugin(connection, settings, runtime, this::forget);
    connected.add(plugin);
    try {
      plugin.start();
      List<ContainerUpdate> updates = synchronize(plugin);
      LOG.log(INFO, "nri plugin {0} is connected", plugin.name());
      List<ContainerUpdate> failed = runtime.update(updates);
      if (!failed.isEmpty()) {
        LOG.log(WARNING, "nri plugin " + plugin.name() + ": updates failed: " + failed.size());
      }
    } catch (RuntimeException e) { // outermost of its thread
      LOG.log(WARNING, "nri plugin " + plugin.name() + " cannot join: " + e.getMessage(), e);
      plugin.close();
    }
    if (closing) {
      plugin.close(); // close() may have looked before it was added
    }
  }

  private List<ContainerUpdate> synchronize(NriPlugin plugin) {
    try (var _ = take(joining.writeLock(), JOIN_LIMIT)) {
      List<ContainerUpdate> updates = plugin.synchronize(runtime.state());
      add(plugin);
      return updates;
    }
  }

  private void add(NriPlugin plugin) {
    synchronized (listLock) {
      List<NriPlugin> all = new ArrayList<>(plugins);
      all.add(plugin);
      all.removeIf(NriPlugin::isClosed);
      all.sort(Comparator.comparing(NriPlugin::index));
      plugins = List.copyOf(all);
    }
  }

  private void forget(NriPlugin plugin) {
    connected.remove(plugin);
    synchronized (listLock) {
      plugins = plugins.stream().filter(other -> !other.equals(plugin)).toList();
    }
  }

  /**
   * Tells all plugins of something, and stops at the first that objects.
   *
   * @param container absent where it is about the pod
   * @throws BerthException what that plugin answered
   */
  public void tell(Notice notice, PodSandbox pod, @Nullable Container container) {
    for (NriPlugin plugin : plugins) {
      tell(plugin, notice, pod, container);
    }
  }

  /** Tells all plugins of something that has happened: who objects is only logged. */
  public void inform(Notice notice, PodSandbox pod, @Nullable Container container) {
    for (NriPlugin plugin : plugins) {
      try {
        tell(plugin, notice, pod, container);
      } catch (BerthException e) {
        LOG.log(WARNING, e.getMessage());
      }
    }
  }

  /** The requests of all notices have the same fields under the same numbers. */
  private static void tell(
      NriPlugin plugin, Notice notice, PodSandbox pod, @Nullable Container container) {
    var request = StartContainerRequest.newBuilder().setPod(pod);
    var event = StateChangeEvent.newBuilder().setEventValue(notice.event).setPod(pod);
    if (container != null) {
      request.setContainer(container);
      event.setContainer(container);
    }
    plugin.tell(notice.method, request.build(), event.build());
  }

  /**
   * Tells all plugins of new sums of a pod, before they count.
   *
   * @throws BerthException what a plugin that objects answered
   */
  public void updatePodSandbox(PodSandbox pod, LinuxResources overhead, LinuxResources resources) {
    var request =
        UpdatePodSandboxRequest.newBuilder()
            .setPod(pod)
            .setOverheadLinuxResources(overhead)
            .setLinuxResources(resources)
            .build();
    var event = StateChangeEvent.newBuilder().setEvent(Event.UPDATE_POD_SANDBOX).setPod(pod);
    for (NriPlugin plugin : plugins) {
      plugin.tell("UpdatePodSandbox", request, event.build());
    }
  }

  /**
   * Asks all plugins what they want of a new container.
   *
   * @throws BerthException what a plugin answered, or FAILED_PRECONDITION if two want different
   *     things or one that checks the others rejects it
   */
  public Creation createContainer(PodSandbox pod, Container container) {
    Owners owners = new Owners();
    var adjustment = new AdjustmentCollector(owners, container);
    var updates = new UpdateCollector(owners, container.getId());
    List<ContainerEviction> evictions = new ArrayList<>();
    List<NriPlugin> asked = plugins;
    for (NriPlugin plugin : asked) {
      var request =
          CreateContainerRequest.newBuilder().setPod(pod).setContainer(adjustment.shown()).build();
      plugin
          .ask(Event.CREATE_CONTAINER, "CreateContainer", request, CreateContainerResponse.parser())
          .ifPresent(answer -> {
            adjustment.apply(answer.getAdjust(), plugin.name());
            updates.apply(answer.getUpdateList(), plugin.name());
            evictions.addAll(answer.getEvictList());
          });
    }
    var creation = new Creation(adjustment.adjustment(), updates.others(""), evictions);
    AdjustmentCheck.check(asked, pod, container, creation, owners);
    return creation;
  }

  /**
   * Asks all plugins what they make of a change of limits.
   *
   * @param asked the change, as it was asked for
   * @throws BerthException what a plugin answered, or FAILED_PRECONDITION if two want different
   *     things
   */
  public Update updateContainer(PodSandbox pod, Container container, LinuxResources asked) {
    String id = container.getId();
    var updates = new UpdateCollector(new Owners(), "");
    List<ContainerEviction> evictions = new ArrayList<>();
    for (NriPlugin plugin : plugins) {
      var request =
          UpdateContainerRequest.newBuilder()
              .setPod(pod)
              .setContainer(container)
              .setLinuxResources(updates.limitsOf(id, asked))
              .build();
      plugin
          .ask(Event.UPDATE_CONTAINER, "UpdateContainer", request, UpdateContainerResponse.parser())
          .ifPresent(answer -> {
            updates.apply(answer.getUpdateList(), plugin.name());
            evictions.addAll(answer.getEvictList());
          });
    }
    LinuxResources own = updates.limitsOf(id, LinuxResources.getDefaultInstance());
    return new Update(own, updates.others(id), evictions);
  }

  /** Tells all plugins of the end of a container; returns the updates of others they ask for. */
  public List<ContainerUpdate> stopContainer(PodSandbox pod, Container container) {
    var request = StopContainerRequest.newBuilder().setPod(pod).setContainer(container).build();
    var updates = new UpdateCollector(new Owners(), "");
    for (NriPlugin plugin : plugins) {
      try {
        plugin
            .ask(Event.STOP_CONTAINER, "StopContainer", request, StopContainerResponse.parser())
            .ifPresent(answer -> updates.apply(answer.getUpdateList(), plugin.name()));
      } catch (BerthException e) {
        LOG.log(WARNING, e.getMessage());
      }
    }
    return updates.others(container.getId());
  }

  /** Takes no more plugins and disconnects those there are. Idempotent. */
  @Override
  public void close() {
    closing = true;
    listener.close();
    connected.forEach(NriPlugin::close);
  }
}
