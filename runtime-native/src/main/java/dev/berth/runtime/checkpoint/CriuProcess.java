package dev.berth.runtime.checkpoint;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.berth.runtime.kernel.Descriptors;
import dev.berth.runtime.kernel.ExitStatus;
import dev.berth.runtime.kernel.Fd;
import dev.berth.runtime.kernel.Memfd;
import dev.berth.runtime.kernel.Processes;
import dev.berth.runtime.kernel.Spawner;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * CRIU while it runs, a child of this process and the leader of a process group: it has helpers.
 * What it prints goes into a file in memory of fixed size, so nobody has to drain it. Thread-safe.
 */
final class CriuProcess implements AutoCloseable {
  private static final int MAX_OUTPUT_BYTES = 4096;
  private static final Duration KILL_LIMIT = Duration.ofSeconds(10);

  private final Spawner.Child child;
  private final Fd output;

  @GuardedBy("this") private boolean reaped;

  private CriuProcess(Spawner.Child child, Fd output) {
    this.child = child;
    this.output = output;
  }

  /**
   * Starts it.
   *
   * @param command the whole argument vector
   * @param searchPath where its helpers (tar, iptables) are
   * @throws dev.berth.runtime.kernel.NativeException if it cannot be executed
   */
  static CriuProcess start(Path executable, List<String> command, String searchPath) {
    Fd output = Memfd.create("criu-output", MAX_OUTPUT_BYTES);
    try (Fd program = Descriptors.open(executable)) {
      Memfd.seal(output, Set.of(Memfd.Seal.GROW));
      Spawner.Child child =
          Spawner.of(program, command)
              .environment(Map.of("PATH", searchPath))
              .ownProcessGroup()
              .descriptor(1, output)
              .descriptor(2, output)
              .spawn();
      return new CriuProcess(child, output);
    } catch (RuntimeException e) {
      output.close();
      throw e;
    }
  }

  /** Waits for its end; empty if the time is over first. */
  Optional<ExitStatus> await(Duration limit) {
    return Processes.awaitExit(child.pidfd(), limit) ? reap() : Optional.empty();
  }

  /** What it printed, in one line. What was never written reads as zeros. */
  String output() {
    String text = new String(Descriptors.readAt(output, 0, MAX_OUTPUT_BYTES), UTF_8);
    return text.replace("\0", "").strip().replaceAll("\\p{Cntrl}+", "; ");
  }

  /** From here on the number may belong to another process. */
  private synchronized Optional<ExitStatus> reap() {
    if (reaped) {
      return Optional.empty();
    }
    reaped = true;
    return Processes.reap(child.pidfd());
  }

  /** Kills it with its helpers. Idempotent. */
  synchronized void kill() {
    if (!reaped) {
      Processes.killGroup(child);
    }
  }

  /** Kills what still runs and reaps it. */
  @Override
  public void close() {
    kill();
    if (Processes.awaitExit(child.pidfd(), KILL_LIMIT)) {
      Optional<ExitStatus> _ = reap();
    }
    child.pidfd().close();
    output.close();
  }
}
