package dev.berth.runtime.task;

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
   * @param stdin a FIFO
   */
  record Log(@Nullable Path log, @Nullable Path stdin) implements TaskIo {}

  /** The process gets the FIFOs themselves; with a terminal, berth-init copies between. */
  record Pipes(@Nullable Path stdin, @Nullable Path stdout, @Nullable Path stderr)
      implements TaskIo {}

  /** The process gets this JVM's own 0, 1 and 2: for commands run in the foreground. */
  record Inherited() implements TaskIo {}
}
