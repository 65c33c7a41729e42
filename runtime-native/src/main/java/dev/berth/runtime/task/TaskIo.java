package dev.berth.runtime.task;

import dev.berth.base.BerthException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * Where a process's input comes from and its output goes.
 *
 * <p>A null path is /dev/null. FIFOs are the caller's: it makes them, opens its ends before the
 * process is created, and removes them.
 */
public sealed interface TaskIo {

  /**
   * berth-init writes a Kubernetes (CRI) log.
   *
   * @param log the file, made if missing; null: output is dropped
   */
  record Log(@Nullable Path log, Input input) implements TaskIo {
    /** Without input. */
    public Log(@Nullable Path log) {
      this(log, new Input.Nothing());
    }
  }

  /** What a logged process reads. */
  sealed interface Input {
    /** Nothing: /dev/null, or a terminal on which nobody types. */
    record Nothing() implements Input {}

    /** The caller's FIFO. */
    record Fifo(Path path) implements Input {}

    /**
     * What attached clients write; berth-init keeps it open between them.
     *
     * @param once the end of the first client's input is the end of all input; without effect on a
     *     terminal
     */
    record Attached(boolean once) implements Input {}
  }

  /** The process gets the FIFOs themselves; with a terminal, berth-init copies between. */
  record Pipes(@Nullable Path stdin, @Nullable Path stdout, @Nullable Path stderr)
      implements TaskIo {}

  /**
   * The process gets this JVM's own 0, 1 and 2, or a terminal whose master is sent away, and no
   * berth-init stays beside it: as soon as it waits to be started it is left to whoever is the
   * nearest subreaper above this JVM, which alone learns how it ends.
   *
   * @param console a socket on which somebody waits for the master; null without a terminal
   */
  record Released(@Nullable Path console) implements TaskIo {
    /**
     * Checks that there is somebody to get the terminal.
     *
     * @throws BerthException INVALID_ARGUMENT if only one of both is there
     */
    void check(boolean terminal) {
      if (terminal != (console != null)) {
        throw new BerthException(
            BerthException.Kind.INVALID_ARGUMENT,
            terminal
                ? "process.terminal: a console socket is needed to leave the container with"
                : "console socket: process.terminal is false");
      }
    }
  }

  /** The process gets this JVM's own 0, 1 and 2: for commands run in the foreground. */
  record Inherited() implements TaskIo {}
}
