package dev.berth.sandbox.nri;

import dev.berth.proto.nri.Container;
import dev.berth.proto.nri.ContainerEviction;
import dev.berth.proto.nri.ContainerUpdate;
import dev.berth.proto.nri.PodSandbox;
import java.time.Duration;
import java.util.List;

/** What plugins see of the runtime and may ask of it. Thread-safe. */
public interface NriRuntime {
  /**
   * All that there is at one moment.
   *
   * @param containers also those that are still being made
   */
  record State(List<PodSandbox> pods, List<Container> containers) {
    public State {
      pods = List.copyOf(pods);
      containers = List.copyOf(containers);
    }
  }

  /**
   * Waits until all pods of an earlier process are known.
   *
   * @throws dev.berth.base.BerthException UNAVAILABLE if they are not within the time
   */
  void awaitRecovered(Duration limit);

  /** Returns all pods and containers; called while none is being added. */
  State state();

  /**
   * Changes limits of containers, one after the other.
   *
   * @return those that failed and whose failure is not to be ignored
   */
  List<ContainerUpdate> update(List<ContainerUpdate> updates);

  /** Begins to stop containers; does not wait for their ends. */
  void evict(List<ContainerEviction> evictions);
}
