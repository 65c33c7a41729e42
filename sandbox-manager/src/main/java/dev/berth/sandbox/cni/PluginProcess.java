package dev.berth.sandbox.cni;

import static dev.berth.base.BerthException.Kind.INTERNAL;
import static java.nio.charset.StandardCharsets.UTF_8;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.berth.base.BerthException;
import dev.berth.base.Operation;
import dev.berth.runtime.kernel.Descriptors;
import dev.berth.runtime.kernel.ExitStatus;
import dev.berth.runtime.kernel.Fd;
import dev.berth.runtime.kernel.Memfd;
import dev.berth.runtime.kernel.Processes;
import dev.berth.runtime.kernel.Spawner;
import java.io.ByteArrayOutputStream;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * A plugin's program while it runs, under a deadline and with a bound on what it prints (rule R10).
 *
 * <p>Its standard streams are files in memory: nobody has to feed or drain it, and a child that it
 * leaves behind holds nobody up. It leads a process group, which is killed as a whole when the time
 * is over or the operation is cancelled. Thread-safe.
 */
final class PluginProcess implements AutoCloseable {
  private static final int MAX_OUTPUT_BYTES = 1 << 20;
  private static final int CHUNK_BYTES = 16 << 10;
  private static final Duration KILL_LIMIT = Duration.ofSeconds(10);

  private final Spawner.Child child;

  @GuardedBy("this") private boolean reaped;

  private PluginProcess(Spawner.Child child) {
    this.child = child;
  }

  /** How a program ended and what it printed. */
  record Outcome(ExitStatus status, String stdout, String stderr) {
    boolean succeeded() {
      return status instanceof ExitStatus.Exited(int code) && code == 0;
    }
  }

  /** The program was killed since it did not end in time. */
  static final class TimedOut extends Exception {
    private static final long serialVersionUID = 1L;

    private final transient Duration limit;

    TimedOut(Duration limit) {
      this.limit = limit;
    }

    Duration limit() {
      return limit;
    }
  }

  /**
   * Runs a program to its end.
   *
   * @param limit how long it may run; less if the operation has less time left
   * @throws BerthException CANCELLED if the operation was
   */
  static Outcome run(
      Path program,
      Map<String, String> environment,
      String stdin,
      Duration limit,
      Operation operation)
      throws TimedOut {
    try (Fd executable = Descriptors.open(program);
        Fd in = input(stdin);
        Fd out = output("cni-stdout");
        Fd err = output("cni-stderr");
        PluginProcess process =
            new PluginProcess(
                Spawner.of(executable, List.of(program.toString()))
                    .environment(environment)
                    .ownProcessGroup()
                    .descriptor(0, in)
                    .descriptor(1, out)
                    .descriptor(2, err)
                    .spawn())) {
      operation.onCancel(process::kill);
      ExitStatus status = process.await(operation.remaining(limit));
      operation.check();
      return new Outcome(status, text(out), text(err));
    }
  }

  private ExitStatus await(Duration limit) throws TimedOut {
    if (!Processes.awaitExit(child.pidfd(), limit)) {
      throw new TimedOut(limit);
    }
    return reap().orElseThrow(() -> new BerthException(INTERNAL, "a plugin was reaped by others"));
  }

  /** From here on the number may belong to another process. */
  private synchronized Optional<ExitStatus> reap() {
    if (reaped) {
      return Optional.empty();
    }
    reaped = true;
    return Processes.reap(child.pidfd());
  }

  private synchronized void kill() {
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
  }

  private static Fd input(String text) {
    Fd file = Memfd.create("cni-stdin", 0);
    Descriptors.writeAt(file, 0, text.getBytes(UTF_8));
    return file;
  }

  /** Full size from the start and sealed: a program that prints more gets an error. */
  private static Fd output(String name) {
    Fd file = Memfd.create(name, MAX_OUTPUT_BYTES);
    Memfd.seal(file, Set.of(Memfd.Seal.GROW));
    return file;
  }

  /** What was never written reads as zeros, which no text holds. */
  private static String text(Fd file) {
    ByteArrayOutputStream written = new ByteArrayOutputStream();
    int zero = -1;
    for (int from = 0; from < MAX_OUTPUT_BYTES && zero < 0; from += CHUNK_BYTES) {
      byte[] chunk = Descriptors.readAt(file, from, CHUNK_BYTES);
      zero = indexOfZero(chunk);
      written.write(chunk, 0, zero < 0 ? chunk.length : zero);
    }
    return written.toString(UTF_8);
  }

  private static int indexOfZero(byte[] bytes) {
    for (int i = 0; i < bytes.length; i++) {
      if (bytes[i] == 0) {
        return i;
      }
    }
    return -1;
  }
}
