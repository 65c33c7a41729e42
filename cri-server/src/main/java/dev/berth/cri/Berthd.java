package dev.berth.cri;

import dev.berth.base.BerthException;
import dev.berth.base.MetadataStore;
import dev.berth.cri.config.BerthConfig;
import dev.berth.cri.config.NriAccess;
import dev.berth.cri.rpc.UnixSocketServer;
import dev.berth.cri.service.ImageService;
import dev.berth.cri.service.NodeService;
import dev.berth.cri.service.NodeVerbs;
import dev.berth.cri.service.PullsService;
import dev.berth.cri.service.RuntimeService;
import dev.berth.cri.service.ShimService;
import dev.berth.cri.service.StoreService;
import dev.berth.cri.service.StreamVerbs;
import dev.berth.cri.streaming.StreamingServer;
import dev.berth.image.Images;
import dev.berth.image.registry.Patience;
import dev.berth.image.registry.RegistrySettings;
import dev.berth.sandbox.RuntimeHandler;
import dev.berth.sandbox.SandboxManager;
import dev.berth.sandbox.SandboxSettings;
import dev.berth.sandbox.nri.NriSettings;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.stream.Collectors;

/**
 * A running server: all that it is made of, in the order in which it is made.
 *
 * <p>Closing undoes that order: no call is taken any more, those under way get a moment to end, and
 * what is left to do for the kernel is nothing, because every record was durable before its effect.
 */
final class Berthd implements AutoCloseable {
  private static final System.Logger LOG = System.getLogger(Berthd.class.getName());
  private static final Duration SHIM_RECOVERY_TIMEOUT = Duration.ofSeconds(10);
  private static final Duration RECOVERY_TIMEOUT = Duration.ofMinutes(5);
  private static final Duration STOP_PATIENCE = Duration.ofSeconds(5);

  private final Deque<AutoCloseable> opened = new ArrayDeque<>();
  private final CountDownLatch closed = new CountDownLatch(1);
  private final Images images;
  private final SandboxManager manager;

  /**
   * Starts a server. It answers at once; until recovery has ended most verbs say Unavailable.
   *
   * @throws BerthException FAILED_PRECONDITION if the host or another instance stands in the way
   */
  static Berthd start(BerthConfig config, Distribution programs) throws IOException {
    HostChecks.run(config);
    Directories.prepare(config);
    return new Berthd(config, programs);
  }

  /** Builds the object graph, bottom up. */
  private Berthd(BerthConfig config, Distribution programs) throws IOException {
    try {
      opened(InstanceLock.take(config.root()));
      opened(InstanceLock.take(config.state()));
      MetadataStore store = opened(MetadataStore.open(config.root().resolve("metadata")));
      images =
          opened(
              Images.open(
                  config.root().resolve("images"),
                  store,
                  registrySettings(config),
                  config.imageStore()));
      manager = opened(SandboxManager.open(sandboxSettings(config, programs), store, images));
      NodeVerbs node =
          new NodeVerbs(
              config,
              Version.CURRENT,
              manager::networkStatus,
              manager::supportsUserNamespaces,
              manager::quarantined);
      StreamingServer streaming =
          opened(new StreamingServer(config.streaming(), manager.streams()));
      UnixSocketServer server =
          UnixSocketServer.start(
              config.socket(),
              config.socketAccess(),
              List.of(
                  new RuntimeService(
                          node,
                          manager.sandboxes(),
                          manager.containers(),
                          manager.usage(),
                          manager::events,
                          new StreamVerbs(manager.streams(), streaming))
                      .definition(),
                  new ImageService(images).definition(),
                  new PullsService(images).definition(),
                  new StoreService(images).definition(),
                  new NodeService(manager::audit).definition(),
                  new ShimService(manager::upgradeShim).definition()));
      opened.push(() -> server.stop(STOP_PATIENCE));
    } catch (IOException | RuntimeException e) {
      close();
      throw e;
    }
  }

  private <T extends AutoCloseable> T opened(T resource) {
    opened.push(resource);
    return resource;
  }

  private static RegistrySettings registrySettings(BerthConfig config) {
    return new RegistrySettings(
        config.hostsDir(), config.dockerConfig(), System.getenv(), Patience.DEFAULT);
  }

  private static SandboxSettings sandboxSettings(BerthConfig config, Distribution programs) {
    return new SandboxSettings(
        config.root(),
        config.state(),
        config.instance(),
        handlers(config, programs),
        config.defaultHandler(),
        config.network(),
        config.cdiSpecDirs(),
        config.cgroupDriver(),
        config.cgroupParent(),
        programs.berthInit(),
        config.criu(),
        SHIM_RECOVERY_TIMEOUT,
        config.nri().map(Berthd::nriSettings));
  }

  private static NriSettings nriSettings(NriAccess access) {
    return new NriSettings(
        access.socket(),
        access.sharedPath(),
        Version.CURRENT,
        access.registrationTimeout(),
        access.requestTimeout());
  }

  private static Map<String, RuntimeHandler> handlers(BerthConfig config, Distribution programs) {
    return config.handlers().values().stream()
        .map(handler ->
            new RuntimeHandler(
                handler.name(),
                programs.shim(handler.name(), handler.shim()),
                handler.ociRuntime(),
                handler.sandboxTask()))
        .collect(Collectors.toUnmodifiableMap(RuntimeHandler::name, handler -> handler));
  }

  /** Waits until recovery has ended and every verb answers. */
  void awaitReady() throws InterruptedException {
    if (!manager.awaitRecovery(RECOVERY_TIMEOUT)) {
      LOG.log(System.Logger.Level.WARNING, "recovery has not ended after " + RECOVERY_TIMEOUT);
    }
    images.chooseCodecs();
  }

  /** Waits until the server was closed. */
  void awaitClosed() throws InterruptedException {
    closed.await();
  }

  /** Stops serving; containers run on. Idempotent. */
  @Override
  public void close() {
    while (!opened.isEmpty()) {
      AutoCloseable resource = opened.pop();
      try {
        resource.close();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        LOG.log(System.Logger.Level.WARNING, "interrupted while stopping", e);
      } catch (Exception e) { // whatever it is, the others must be closed
        LOG.log(System.Logger.Level.WARNING, "while stopping: " + e, e);
      }
    }
    closed.countDown();
  }
}
