package dev.berth.runtime.task;

import static java.lang.System.Logger.Level.WARNING;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.berth.runtime.kernel.Fd;
import dev.berth.runtime.kernel.NativeException;
import dev.berth.runtime.kernel.Processes;
import dev.berth.runtime.kernel.SeqpacketSocket;
import dev.berth.runtime.kernel.Spawner;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Stubs that wait for a plan: spawning one takes most of a millisecond, and need not be waited for.
 *
 * <p>A spare is a process like any stub, with nothing but its boot connection: when this JVM is
 * gone, so is it. Thread-safe.
 */
final class StubPool implements AutoCloseable {
  private static final System.Logger LOG = System.getLogger(StubPool.class.getName());
  private static final int BOOT_DESCRIPTOR = 3;
  private static final Duration END_LIMIT = Duration.ofSeconds(2);

  /** A launch is under way when a spare was taken; the next one is not to compete with it. */
  private static final Executor LATER =
      CompletableFuture.delayedExecutor(
          20, TimeUnit.MILLISECONDS, task -> Thread.ofVirtual().name("stub-pool").start(task));

  private final BerthInit program;
  private final int size;

  @GuardedBy("this") private final ArrayDeque<Spare> spares = new ArrayDeque<>();

  @GuardedBy("this") private boolean closed;

  /** A stub without a plan; who takes it owns both. */
  record Spare(Spawner.Child child, StubChannel channel) {
    private boolean isAlive() {
      return !Processes.awaitExit(child.pidfd(), Duration.ZERO);
    }

    /** Ends it: without its connection it has nothing to wait for. */
    void end() {
      channel.close();
      Processes.waitFor(child.pidfd(), END_LIMIT);
      child.pidfd().close();
    }
  }

  /**
   * Begins to fill, if there are to be any.
   *
   * @param size how many wait; 0 to spawn each when it is needed
   */
  StubPool(BerthInit program, int size) {
    this.program = program;
    this.size = size;
    if (size > 0) {
      LATER.execute(this::fill);
    }
  }

  /** Returns a stub, spawned now if none waits. */
  Spare take() {
    if (size == 0) {
      return spawn();
    }
    LATER.execute(this::fill);
    while (true) {
      Spare spare = poll();
      if (spare == null) {
        return spawn();
      }
      if (spare.isAlive()) {
        return spare;
      }
      spare.end(); // killed by someone
    }
  }

  private synchronized @Nullable Spare poll() {
    return spares.poll();
  }

  private void fill() {
    try {
      while (isWanting()) {
        add(spawn());
      }
    } catch (NativeException e) {
      LOG.log(WARNING, "cannot spawn berth-init in advance", e); // the launch that needs it tries
    }
  }

  private synchronized boolean isWanting() {
    return !closed && spares.size() < size;
  }

  private void add(Spare spare) {
    synchronized (this) {
      if (!closed && spares.size() < size) {
        spares.add(spare);
        return;
      }
    }
    spare.end();
  }

  private Spare spawn() {
    try (SeqpacketSocket.Pair pair = SeqpacketSocket.pair()) {
      Spawner.Child child =
          Spawner.of(program.sealed(), List.of("berth-init"))
              .descriptor(BOOT_DESCRIPTOR, pair.second().fd())
              .spawn();
      return new Spare(
          child, new StubChannel(SeqpacketSocket.own(Fd.own(pair.first().fd().release()))));
    }
  }

  /** Ends those that wait. Idempotent. */
  @Override
  public void close() {
    List<Spare> left;
    synchronized (this) {
      closed = true;
      left = List.copyOf(spares);
      spares.clear();
    }
    left.forEach(Spare::end);
  }
}
