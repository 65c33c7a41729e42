package dev.berth.sandbox;

import static java.lang.System.Logger.Level.WARNING;

import java.time.Clock;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.function.Consumer;

/**
 * Tells readers what happens to pods. Telling never waits, and costs nothing where nobody reads.
 * Thread-safe.
 */
final class PodEvents {
  private static final System.Logger LOG = System.getLogger(PodEvents.class.getName());

  /** An event carries the whole pod, so a reader that is so far behind needs the newest only. */
  private static final int MOST_WAITING = 1000;

  private final Registry registry;
  private final PodPaths paths;
  private final Clock clock;
  private final Consumer<String> ended;
  private final List<Feed> feeds = new CopyOnWriteArrayList<>();

  /**
   * @param ended told of each sandbox and container that has ended, by its id, maybe twice; it must
   *     not wait
   */
  PodEvents(Registry registry, PodPaths paths, Clock clock, Consumer<String> ended) {
    this.registry = registry;
    this.paths = paths;
    this.clock = clock;
    this.ended = ended;
  }

  PodEventFeed open() {
    var feed = new Feed();
    feeds.add(feed);
    return feed;
  }

  /** Tells what happened to a sandbox. */
  void tell(PodEvent.Kind kind, Sandbox sandbox) {
    note(kind, sandbox.id());
    tell(kind, sandbox.id(), sandbox);
  }

  /** Tells what happened to a container; nothing, if its sandbox is not known any more. */
  void tell(PodEvent.Kind kind, ContainerRecord container) {
    note(kind, container.id());
    if (!feeds.isEmpty()) {
      registry
          .sandboxes
          .find(container.sandboxId())
          .ifPresent(sandbox -> tell(kind, container.id(), sandbox));
    }
  }

  /** Tells of a change of state, if it is one that readers are told of. */
  void changed(ContainerRecord container) {
    switch (container.state()) {
      case ContainerState.Running _ -> tell(PodEvent.Kind.STARTED, container);
      case ContainerState.Exited _ -> tell(PodEvent.Kind.STOPPED, container);
      case ContainerState.Created _, ContainerState.Unknown _ -> {}
    }
  }

  private void note(PodEvent.Kind kind, String id) {
    switch (kind) {
      case STOPPED, DELETED -> ended.accept(id);
      case CREATED, STARTED -> {}
    }
  }

  private void tell(PodEvent.Kind kind, String id, Sandbox sandbox) {
    if (feeds.isEmpty()) {
      return;
    }
    var containers =
        registry.containersOf(sandbox.id()).stream()
            .map(container -> container.record().status())
            .toList();
    var event = new PodEvent(id, kind, clock.instant(), sandbox.status(paths), containers);
    feeds.forEach(feed -> feed.add(event));
  }

  private final class Feed implements PodEventFeed {
    private final BlockingQueue<PodEvent> waiting = new LinkedBlockingQueue<>(MOST_WAITING);

    void add(PodEvent event) {
      while (!waiting.offer(event)) {
        PodEvent lost = waiting.poll();
        if (lost != null) {
          LOG.log(
              WARNING,
              "a reader of events is too slow: {0} of {1} is lost",
              lost.kind(),
              lost.id());
        }
      }
    }

    @Override
    public PodEvent next() throws InterruptedException {
      return waiting.take();
    }

    @Override
    public void close() {
      feeds.remove(this);
    }
  }
}
