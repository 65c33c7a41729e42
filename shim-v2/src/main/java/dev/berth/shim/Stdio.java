package dev.berth.shim;

import dev.berth.base.BerthException;
import dev.berth.base.BerthException.Kind;
import dev.berth.runtime.task.TaskIo;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The streams of a process as a request names them.
 *
 * @param terminal whether the process has a terminal
 */
record Stdio(String stdin, String stdout, String stderr, boolean terminal) {
  /** What is known of a process that a predecessor of this shim made. */
  static Stdio unknown(boolean terminal) {
    return new Stdio("", "", "", terminal);
  }

  /**
   * Returns how the runtime is to connect them.
   *
   * @throws BerthException naming the field that is wrong or not served
   */
  TaskIo toTaskIo() {
    return switch (StdioUri.parse("stdout", stdout)) {
      case StdioUri.Log(Path log) -> {
        requireSameLog();
        yield new TaskIo.Log(log, input());
      }
      case StdioUri.Unlogged() -> {
        requireSameLog();
        yield new TaskIo.Log(null, input());
      }
      case StdioUri.Fifo _, StdioUri.Nowhere _ ->
          new TaskIo.Pipes(fifo("stdin", stdin), fifo("stdout", stdout), fifo("stderr", stderr));
      case StdioUri.Attached _, StdioUri.Copy _, StdioUri.Logger _ -> throw misplaced("stdout");
    };
  }

  /**
   * Returns the program that takes the output, if it is to be one.
   *
   * @param berthInit which copies into files
   */
  Optional<StdioUri.Logger> logger(Path berthInit) {
    Optional<StdioUri.Logger> logger =
        switch (StdioUri.parse("stdout", stdout)) {
          case StdioUri.Logger program -> Optional.of(program);
          case StdioUri.Copy(Path file) ->
              Optional.of(new StdioUri.Logger(berthInit, List.of("copy", file.toString())));
          case StdioUri.Nowhere _,
              StdioUri.Fifo _,
              StdioUri.Log _,
              StdioUri.Attached _,
              StdioUri.Unlogged _ ->
              Optional.empty();
        };
    if (logger.isPresent()) {
      requireSameLog();
    }
    return logger;
  }

  /** Returns the same streams with the output going to FIFOs. */
  Stdio withOutput(Path out, Path err) {
    return new Stdio(stdin, out.toString(), terminal ? "" : err.toString(), terminal);
  }

  private TaskIo.Input input() {
    return switch (StdioUri.parse("stdin", stdin)) {
      case StdioUri.Nowhere() -> new TaskIo.Input.Nothing();
      case StdioUri.Fifo(Path path) -> new TaskIo.Input.Fifo(path);
      case StdioUri.Attached(boolean once) -> new TaskIo.Input.Attached(once);
      case StdioUri.Log _, StdioUri.Unlogged _, StdioUri.Copy _, StdioUri.Logger _ ->
          throw misplaced("stdin");
    };
  }

  private static BerthException misplaced(String field) {
    return new BerthException(
        Kind.INVALID_ARGUMENT, field + ": this kind of URI is not for this stream");
  }

  private void requireSameLog() {
    if (!stderr.isEmpty() && !stderr.equals(stdout)) {
      throw new BerthException(
          Kind.UNIMPLEMENTED, "stderr: beside a log there is no other output than to that log");
    }
  }

  private static @Nullable Path fifo(String field, String text) {
    return switch (StdioUri.parse(field, text)) {
      case StdioUri.Nowhere() -> null;
      case StdioUri.Fifo(Path path) -> path;
      case StdioUri.Attached _ ->
          throw new BerthException(
              Kind.UNIMPLEMENTED, field + ": only a process with a log can be attached to");
      case StdioUri.Log _, StdioUri.Unlogged _, StdioUri.Copy _, StdioUri.Logger _ ->
          throw new BerthException(
              Kind.UNIMPLEMENTED, field + ": a log or logger that stdout does not go to");
    };
  }
}
