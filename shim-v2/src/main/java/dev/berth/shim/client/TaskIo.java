package dev.berth.shim.client;

import java.nio.file.Path;

/**
 * Where a process's standard streams go: a path of a FIFO that the caller made, a URI that the shim
 * understands ({@code file://}, {@code binary://}), or empty for {@code /dev/null}.
 *
 * <p>runc's shim wants stdout and stderr both or neither, unless there is a terminal.
 *
 * @param terminal whether the process gets a terminal; it has no stderr then
 */
public record TaskIo(String stdin, String stdout, String stderr, boolean terminal) {
  /** Nothing goes in and nothing comes out. */
  public static final TaskIo NONE = new TaskIo("", "", "", false);

  private static final String UNLOGGED = "berth:///unlogged";

  /** Output to the log of a container by a logger binary; nothing goes in. */
  public static TaskIo logger(String uri, boolean terminal) {
    return new TaskIo("", uri, terminal ? "" : uri, terminal);
  }

  /** Output that is kept nowhere but attached clients see; Berth's shim only. */
  public static TaskIo unlogged(boolean terminal) {
    return new TaskIo("", UNLOGGED, terminal ? "" : UNLOGGED, terminal);
  }

  /**
   * The same with a stdin that attached clients feed, beside a {@link #logger} or {@link
   * #unlogged}; Berth's shim only. See {@link TaskClient#locate}.
   *
   * @param once the end of the first client's input is the end of all input
   */
  public TaskIo withAttachedStdin(boolean once) {
    return new TaskIo(
        once ? "berth:///attached?once=true" : "berth:///attached", stdout, stderr, terminal);
  }

  /** Output to one or two FIFOs or files; nothing goes in. */
  public static TaskIo output(Path stdout, Path stderr) {
    return new TaskIo("", stdout.toString(), stderr.toString(), false);
  }
}
