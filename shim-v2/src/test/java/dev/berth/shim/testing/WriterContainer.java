package dev.berth.shim.testing;

import dev.berth.base.BerthException;
import dev.berth.base.Ids;
import dev.berth.shim.client.CreateTask;
import dev.berth.shim.client.TaskClient;
import dev.berth.shim.client.TaskIo;
import dev.berth.shim.client.TaskProcess;
import dev.berth.testing.Await;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;

/**
 * A container that numbers the lines it writes: it waits at a gate, writes a burst as fast as it
 * can, waits again, and ends after the last burst.
 */
public final class WriterContainer {
  private static final Duration SOON = Duration.ofSeconds(20);

  /** How its output gets into the log. */
  public enum Output {
    PIPES,
    TERMINAL,
    /** Pipes, and the log is rotated all the while. */
    ROTATION
  }

  private final String id = Ids.generate();
  private final Path bundle;
  private final Path log;
  private final Output output;
  private final int bursts;
  private final int linesPerBurst;
  private final int exitCode;
  private final List<Path> rotated = new ArrayList<>();
  private String identity = "";

  public WriterContainer(
      Path directory, Output output, int bursts, int linesPerBurst, int exitCode) {
    this.bundle = directory.resolve(id);
    this.log = directory.resolve(id + ".log");
    this.output = output;
    this.bursts = bursts;
    this.linesPerBurst = linesPerBurst;
    this.exitCode = exitCode;
  }

  /**
   * Creates and starts it. It keeps both ends of its gate open: a gate that is opened early, or by
   * a writer who is slow to close, counts once.
   */
  public void start(TaskClient tasks) throws Exception {
    String script =
        """
        exec 3<>/tmp/gate
        i=0
        while [ $i -lt %d ]; do
          read _ <&3
          seq $((i * %d + 1)) $(((i + 1) * %d))
          i=$((i + 1))
        done
        exit %d
        """
            .formatted(bursts, linesPerBurst, linesPerBurst, exitCode);
    var made =
        BusyboxBundle.create(bundle, "/berth-test-" + id.substring(0, 12), "sh", "-c", script);
    if (output == Output.TERMINAL) {
      made.withTerminal();
    }
    new ProcessBuilder("mkfifo", gate().toString()).inheritIO().start().waitFor();
    var io =
        TaskIo.logger(
            "binary://" + BerthShim.berthInit() + "?log=" + log, output == Output.TERMINAL);
    int pid = tasks.create(new CreateTask(id, bundle, List.of(), io, null), SOON);
    tasks.start(process(), SOON);
    identity = ProcFs.identity(pid);
  }

  private Path gate() {
    return bundle.resolve("rootfs/tmp/gate");
  }

  /** Lets it write its next burst, as soon as it stands at the gate. */
  public void openGate() throws IOException {
    Files.writeString(gate(), "go\n");
  }

  /** Renames the log and has it opened again, as often as that fails. */
  public void rotate(Supplier<TaskClient> tasks) {
    try {
      Path old = log.resolveSibling(id + ".log." + rotated.size());
      Files.move(log, old);
      rotated.add(old);
    } catch (IOException e) {
      throw new AssertionError("cannot rotate " + log, e);
    }
    Await.until("the log is reopened", SOON, () -> reopen(tasks.get()));
  }

  private boolean reopen(TaskClient tasks) {
    try {
      tasks.reopenLog(id, log, Duration.ofSeconds(5));
      return true;
    } catch (BerthException e) {
      return false; // the shim is down: again, as the kubelet would
    }
  }

  public String id() {
    return id;
  }

  public TaskProcess process() {
    return TaskProcess.init(id);
  }

  public Output output() {
    return output;
  }

  /** Returns the exit code that it ends with. */
  public int exitCode() {
    return exitCode;
  }

  /** Returns pid and start time of its process when it was started. */
  public String identity() {
    return identity;
  }

  /** Returns the pid of its process. */
  public long pid() {
    return Long.parseLong(identity.substring(0, identity.indexOf('@')));
  }

  /** Returns all numbers in the logs, in their order. */
  public List<Integer> loggedNumbers() throws IOException {
    List<Path> files = new ArrayList<>(rotated);
    files.add(log);
    return CriLog.lines(files).stream().map(Integer::valueOf).toList();
  }

  /** Returns how many lines it writes in all. */
  public int lines() {
    return bursts * linesPerBurst;
  }

  @Override
  public String toString() {
    return output + " " + id.substring(0, 12);
  }
}
