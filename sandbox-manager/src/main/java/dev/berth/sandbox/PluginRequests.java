package dev.berth.sandbox;

import static dev.berth.base.BerthException.Kind.UNAVAILABLE;
import static java.lang.System.Logger.Level.WARNING;

import dev.berth.base.BerthException;
import dev.berth.base.Ids;
import dev.berth.base.Operation;
import dev.berth.proto.cri.v1.LinuxContainerResources;
import dev.berth.proto.nri.ContainerEviction;
import dev.berth.proto.nri.ContainerUpdate;
import dev.berth.sandbox.nri.NriRuntime;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** What plugins see of the sandboxes and containers here, and what they may ask for. */
final class PluginRequests implements NriRuntime {
  private static final System.Logger LOG = System.getLogger(PluginRequests.class.getName());

  /** What the kubelet gives a container by default. */
  private static final Duration EVICTION_GRACE = Duration.ofSeconds(30);

  private final Plugins plugins;
  private final Registry registry;
  private final UpdateContainerResources update;
  private final StopContainer stop;
  private final CountDownLatch recovered;

  PluginRequests(
      Plugins plugins,
      Registry registry,
      UpdateContainerResources update,
      StopContainer stop,
      CountDownLatch recovered) {
    this.plugins = plugins;
    this.registry = registry;
    this.update = update;
    this.stop = stop;
    this.recovered = recovered;
  }

  @Override
  public void awaitRecovered(Duration limit) {
    try {
      if (!recovered.await(limit.toNanos(), TimeUnit.NANOSECONDS)) {
        throw new BerthException(
            UNAVAILABLE, "still recovering the pods of an earlier process after " + limit);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new BerthException(BerthException.Kind.CANCELLED, "interrupted", e);
    }
  }

  @Override
  public State state() {
    return plugins.state();
  }

  @Override
  public List<ContainerUpdate> update(List<ContainerUpdate> updates) {
    return updates.stream().filter(one -> !isDone(one) && !one.getIgnoreFailure()).toList();
  }

  private boolean isDone(ContainerUpdate one) {
    try {
      Container container = registry.containers.require(one.getContainerId());
      update.apply(
          container,
          LimitChange.of(LinuxContainerResources.getDefaultInstance())
              .with(one.getLinux().getResources()),
          Operation.internal("update of an nri plugin"));
      return true;
    } catch (BerthException e) {
      LOG.log(
          WARNING,
          "an nri plugin's update of container {0} failed: {1}",
          Ids.printable(one.getContainerId()),
          e.getMessage());
      return false;
    }
  }

  @Override
  public void evict(List<ContainerEviction> evictions) {
    for (ContainerEviction eviction : evictions) {
      registry
          .containers
          .find(eviction.getContainerId())
          .ifPresent(container ->
              Thread.ofVirtual().name("nri-evict").start(() -> evict(container, eviction)));
    }
  }

  private void evict(Container container, ContainerEviction eviction) {
    LOG.log(
        WARNING,
        "an nri plugin evicts container {0}: {1}",
        container.id(),
        Ids.printable(eviction.getReason()));
    try {
      stop.stop(container, EVICTION_GRACE, Operation.internal("eviction by an nri plugin"));
    } catch (BerthException e) { // outermost of its thread
      LOG.log(WARNING, "eviction of container " + container.id(), e);
    }
  }
}
