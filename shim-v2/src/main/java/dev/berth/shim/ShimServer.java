package dev.berth.shim;

import static dev.berth.base.BerthException.Kind.ALREADY_EXISTS;
import static java.lang.System.Logger.Level.INFO;
import static java.lang.System.Logger.Level.WARNING;

import dev.berth.base.BerthException;
import dev.berth.runtime.cgroup.Cgroups;
import dev.berth.runtime.cgroup.FavoredMoves;
import dev.berth.runtime.checkpoint.Criu;
import dev.berth.runtime.kernel.EventLoop;
import dev.berth.runtime.kernel.Processes;
import dev.berth.runtime.kernel.SyscallTable;
import dev.berth.runtime.kernel.Syscalls;
import dev.berth.runtime.task.BerthInit;
import dev.berth.runtime.task.Tasks;
import dev.berth.shim.ttrpc.TtrpcServer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * The shim process itself: one for all containers of a runtime.
 *
 * <p>It may be killed at any moment. Its containers go on, and the next one adopts them from the
 * state directory; a clean end (SIGTERM, Shutdown, idleness) ends no container either.
 */
final class ShimServer {
  private static final System.Logger LOG = System.getLogger(ShimServer.class.getName());
  private static final Path OOM_SCORE = Path.of("/proc/self/oom_score_adj");
  private static final int MAX_OOM_SCORE = 1000;
  private static final Duration END_LIMIT = Duration.ofSeconds(5);

  /** How long one that serves no more may take to end. */
  private static final Duration PREDECESSOR = Duration.ofSeconds(10);

  /**
   * What the runtime says to the shim by its environment.
   *
   * @param eventsSocket where the runtime takes events; null for nowhere
   * @param cgroup of the shim and its stubs; null to stay where it was started
   * @param criu the program that checkpoints; null to look for it in PATH
   */
  record Settings(
      String namespace,
      @Nullable Path eventsSocket,
      @Nullable String cgroup,
      @Nullable Path criu,
      Duration idleLimit) {}

  private final ShimDirectory directory;
  private final Settings settings;
  private final CountDownLatch ending = new CountDownLatch(1);
  private final CountDownLatch ended = new CountDownLatch(1);

  /** A pod's start takes one, and its first probe another. */
  private static final int SPARE_STUBS = 2;

  private ShimServer(ShimDirectory directory, Settings settings) {
    this.directory = directory;
    this.settings = settings;
  }

  /**
   * Serves until asked to end.
   *
   * @throws BerthException ALREADY_EXISTS when another process serves this directory
   */
  static void run(ShimDirectory directory, Settings settings)
      throws IOException, InterruptedException {
    try (var _ = directory.lockServing(PREDECESSOR).orElseThrow(() -> taken(directory))) {
      becomeShim();
      new ShimServer(directory, settings).serve();
    }
  }

  private static BerthException taken(ShimDirectory directory) {
    return new BerthException(ALREADY_EXISTS, "another shim serves " + directory.path());
  }

  /** A session of its own, parent of orphans, and the kernel's choice before the runtime. */
  private static void becomeShim() throws IOException {
    Syscalls.call(SyscallTable.host().number("setsid"));
    Processes.becomeSubreaper();
    int score = Integer.parseInt(Files.readString(OOM_SCORE).strip());
    Files.writeString(OOM_SCORE, Integer.toString(Math.min(MAX_OOM_SCORE, score + 1)));
  }

  private void serve() throws IOException, InterruptedException {
    Cgroups cgroups = Cgroups.detect();
    String cgroup = settings.cgroup();
    try (var _ = FavoredMoves.hold(cgroups);
        var _ = cgroup == null ? null : ShimCgroup.enter(cgroups, cgroup);
        var init = BerthInit.open();
        var tasks = new Tasks(directory.tasks(), init, cgroups, SPARE_STUBS);
        var loop = EventLoop.start("shim-loop");
        var events = EventPublisher.start(settings.eventsSocket(), settings.namespace())) {
      var shimTasks = new ShimTasks(tasks, events, loop);
      shimTasks.adopt();
      var loggers = new Loggers(directory, init.path(), settings.namespace(), loop);
      loggers.sweep();
      var gate = new CallGate();
      var service =
          new TaskService(
              shimTasks,
              loggers,
              new Checkpoints(Criu.of(settings.criu())),
              gate,
              ending::countDown);
      Files.deleteIfExists(directory.socket()); // of a predecessor: the lock says it is dead
      try (var server =
          TtrpcServer.listen(
              directory.socket(),
              service.version(2),
              service.version(3),
              new ExtensionService(shimTasks, loop, gate, ending::countDown).service())) {
        LOG.log(INFO, () -> "serving at " + server.socket());
        new IdleWatch(
                () -> shimTasks.isEmpty() && !server.hasClients(),
                settings.idleLimit(),
                ending::countDown)
            .start();
        new StrayReaper(shimTasks::hasProcess).start();
        new LogLimit(directory.log()).watch(loop);
        Runtime.getRuntime().addShutdownHook(new Thread(this::terminate, "shim-term"));
        ending.await();
        end(shimTasks, server);
      }
    } finally {
      ended.countDown();
    }
  }

  /** SIGTERM: the JVM halts when this returns. */
  private void terminate() {
    ending.countDown();
    try {
      if (!ended.await(END_LIMIT.toMillis(), TimeUnit.MILLISECONDS)) {
        LOG.log(WARNING, "not ended within " + END_LIMIT);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Under the lock of those who start shims: none of them finds one that is about to end. */
  private void end(ShimTasks tasks, TtrpcServer server) throws IOException {
    try (var _ = directory.lockStarting()) {
      server.close();
    }
    LOG.log(tasks.isEmpty() ? INFO : WARNING, "the shim ends; its containers go on");
  }
}
