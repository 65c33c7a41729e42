package dev.berth.shim;

import static dev.berth.base.BerthException.Kind.DEADLINE_EXCEEDED;
import static dev.berth.base.BerthException.Kind.FAILED_PRECONDITION;
import static java.lang.System.Logger.Level.WARNING;

import dev.berth.base.AtomicFiles;
import dev.berth.base.BerthException;
import dev.berth.runtime.kernel.Descriptors;
import dev.berth.runtime.kernel.EventLoop;
import dev.berth.runtime.kernel.EventLoop.Interest;
import dev.berth.runtime.kernel.EventLoop.Run;
import dev.berth.runtime.kernel.Fd;
import dev.berth.runtime.kernel.Fifos;
import dev.berth.runtime.kernel.NativeException;
import dev.berth.runtime.kernel.OpenFlag;
import dev.berth.runtime.kernel.Pipe;
import dev.berth.runtime.kernel.Processes;
import dev.berth.runtime.kernel.Spawner;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * A running logger: a program that reads a container's stdout and stderr as descriptors 3 and 4 and
 * closes 5 when it is ready (containerd's protocol for {@code binary://}).
 *
 * <p>The shim holds the FIFOs open, so that a killed stub of a terminal is no end of output. It
 * lets go when the container has ended, by which the logger ends; or when the logger has, so that
 * the container learns of it. Thread-safe.
 */
final class LoggerProcess {
  private static final System.Logger LOG = System.getLogger(LoggerProcess.class.getName());
  private static final String STDOUT = "stdout";
  private static final String STDERR = "stderr";
  private static final int OUT = 3;
  private static final int ERR = 4;
  private static final int READY = 5;
  private static final int PIPE_BYTES = 4096;
  private static final int SIGKILL = 9;
  private static final int SIGTERM = 15;

  /** Whoever is in the container may open its own output again; the directory keeps others off. */
  private static final int FIFO_MODE = 0622;

  private static final Duration READY_LIMIT = Duration.ofSeconds(10);

  /** How long a logger may take for the rest, and then after SIGTERM. */
  private static final Duration END_LIMIT = Duration.ofSeconds(10);

  private static final Duration TERM_LIMIT = Duration.ofSeconds(2);

  private final Path directory;
  private final List<Fd> held;
  private final Spawner.Child child;
  private final EventLoop loop;

  private LoggerProcess(Path directory, List<Fd> held, Spawner.Child child, EventLoop loop) {
    this.directory = directory;
    this.held = List.copyOf(held);
    this.child = child;
    this.loop = loop;
  }

  /**
   * Starts a logger and waits until it is ready.
   *
   * @param directory empty, for its FIFOs; removed when the logger has ended
   * @throws BerthException FAILED_PRECONDITION if it cannot be executed, DEADLINE_EXCEEDED if it
   *     does not become ready; nothing is left then
   */
  static LoggerProcess start(
      StdioUri.Logger logger, Path directory, Map<String, String> environment, EventLoop loop) {
    List<Fd> held = new ArrayList<>();
    try (Pipe ready = Pipe.create(PIPE_BYTES)) {
      Spawner.Child child = spawn(logger, directory, environment, held, ready);
      var process = new LoggerProcess(directory, held, child, loop);
      loop.once(child.pidfd(), Interest.READABLE, Run.VIRTUAL, process::ended);
      ready.writeEnd().close(); // the logger has its own
      if (!ready.awaitReadable(READY_LIMIT)) {
        process.signal(SIGKILL);
        throw new BerthException(
            DEADLINE_EXCEEDED, "stdout: logger " + logger.program() + " does not become ready");
      }
      return process;
    } catch (NativeException e) {
      held.forEach(Fd::close);
      remove(directory);
      throw new BerthException(
          FAILED_PRECONDITION, "stdout: logger " + logger.program() + ": " + e.getMessage(), e);
    }
  }

  private static Spawner.Child spawn(
      StdioUri.Logger logger,
      Path directory,
      Map<String, String> environment,
      List<Fd> held,
      Pipe ready) {
    List<String> arguments = new ArrayList<>(logger.arguments());
    arguments.addFirst(logger.program().toString());
    try (Fd program = Descriptors.open(logger.program());
        Fd folder = Descriptors.open(directory, OpenFlag.PATH, OpenFlag.DIRECTORY);
        Fd out = readingEnd(folder, STDOUT, held);
        Fd err = readingEnd(folder, STDERR, held)) {
      return Spawner.of(program, arguments)
          .environment(environment)
          .descriptor(OUT, out)
          .descriptor(ERR, err)
          .descriptor(READY, ready.writeEnd())
          .spawn();
    }
  }

  private static Fd readingEnd(Fd folder, String name, List<Fd> held) {
    Fifos.create(folder, name, FIFO_MODE, 0, 0);
    held.add(Fifos.open(folder, name)); // before there is a reader, which else would see its end
    Fd end = Fifos.openForReading(folder, name);
    Descriptors.setNonBlocking(end, false);
    return end;
  }

  /** Returns a container's streams with the output going into this logger. */
  Stdio connect(Stdio stdio) {
    return stdio.withOutput(directory.resolve(STDOUT), directory.resolve(STDERR));
  }

  /** Lets the logger see the end of output; one that does not end then is ended. Idempotent. */
  void end() {
    held.forEach(Fd::close);
    loop.after(END_LIMIT, Run.VIRTUAL, () -> signal(SIGTERM));
    loop.after(END_LIMIT.plus(TERM_LIMIT), Run.VIRTUAL, () -> signal(SIGKILL));
  }

  private synchronized void signal(int number) {
    if (child.pidfd().isOpen()) {
      LOG.log(WARNING, "logger " + child.pid() + " of " + directory + " gets signal " + number);
      Processes.signal(child.pidfd(), number);
    }
  }

  private synchronized void ended() {
    held.forEach(Fd::close);
    Processes.reap(child.pidfd());
    child.pidfd().close();
    remove(directory);
  }

  private static void remove(Path directory) {
    try {
      AtomicFiles.deleteTree(directory);
    } catch (IOException e) {
      LOG.log(WARNING, "cannot remove " + directory, e);
    }
  }
}
