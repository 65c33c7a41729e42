package dev.berth.shim;

import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;
import static dev.berth.base.BerthException.Kind.UNIMPLEMENTED;

import dev.berth.base.BerthException;
import dev.berth.base.Ids;
import java.net.URI;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Where one stream of a process goes, as the task API names it. */
sealed interface StdioUri {
  /** To {@code /dev/null}. */
  record Nowhere() implements StdioUri {}

  /** To a FIFO that the caller has made. */
  record Fifo(Path path) implements StdioUri {}

  /**
   * To a Kubernetes log file, which berth-init writes: {@code binary:///.../berth-init?log=PATH}.
   */
  record Log(Path path) implements StdioUri {}

  /**
   * From clients that attach, for stdin beside a log: {@code berth:///attached}, with {@code
   * ?once=true} if the end of the first one's input is the end of all.
   */
  record Attached(boolean once) implements StdioUri {}

  /** To attached clients and nowhere else, for stdout and stderr: {@code berth:///unlogged}. */
  record Unlogged() implements StdioUri {}

  /** To a file, byte for byte and at its end: {@code file:///PATH}. */
  record Copy(Path path) implements StdioUri {}

  /**
   * To a program by containerd's logger protocol: {@code binary:///PATH?argument=value&...}.
   *
   * @param arguments without the program's name
   */
  record Logger(Path program, List<String> arguments) implements StdioUri {
    /** Copies the list. */
    public Logger {
      arguments = List.copyOf(arguments);
    }
  }

  /**
   * Reads what a request says of a stream.
   *
   * @param field of the request, for errors
   * @throws BerthException UNIMPLEMENTED for kinds of URI that this shim does not serve
   */
  static StdioUri parse(String field, String text) {
    if (text.isEmpty()) {
      return new Nowhere();
    }
    if (text.startsWith("/")) {
      return new Fifo(Path.of(text));
    }
    URI uri = uri(field, text);
    return switch (String.valueOf(uri.getScheme())) {
      case "fifo" -> new Fifo(Path.of(uri.getPath()));
      case "berth" -> own(field, uri);
      case "binary" -> logger(field, uri);
      case "file" -> new Copy(Path.of(requirePath(field, uri)));
      default ->
          throw new BerthException(
              UNIMPLEMENTED, field + ": no output to " + Ids.printable(text) + " is implemented");
    };
  }

  private static URI uri(String field, String text) {
    try {
      return URI.create(text);
    } catch (IllegalArgumentException e) {
      throw new BerthException(
          INVALID_ARGUMENT, field + ": not a path or URI: " + Ids.printable(text), e);
    }
  }

  private static StdioUri own(String field, URI uri) {
    return switch (String.valueOf(uri.getPath())) {
      case "/attached" -> new Attached("true".equals(query(uri).get("once")));
      case "/unlogged" -> new Unlogged();
      default ->
          throw new BerthException(
              INVALID_ARGUMENT, field + ": no such stream: " + Ids.printable(uri.toString()));
    };
  }

  /** A berth-init that is to write a log is not run: the stub does that itself. */
  private static StdioUri logger(String field, URI uri) {
    String program = requirePath(field, uri);
    String log = query(uri).get("log");
    if (!program.endsWith("/berth-init") || log == null) {
      List<String> arguments = new ArrayList<>();
      query(uri).forEach((key, value) -> arguments.addAll(List.of(key, value)));
      return new Logger(Path.of(program), arguments);
    }
    if (!log.startsWith("/")) {
      throw new BerthException(
          INVALID_ARGUMENT, field + ": not an absolute path: " + Ids.printable(log));
    }
    return new Log(Path.of(log));
  }

  private static String requirePath(String field, URI uri) {
    String path = uri.getPath();
    if (path == null || !path.startsWith("/")) {
      throw new BerthException(
          INVALID_ARGUMENT, field + ": not an absolute path: " + Ids.printable(uri.toString()));
    }
    return path;
  }

  private static Map<String, String> query(URI uri) {
    Map<String, String> values = new LinkedHashMap<>();
    String query = uri.getRawQuery();
    int start = 0;
    while (query != null && start < query.length()) {
      int end = query.indexOf('&', start);
      String pair = query.substring(start, end < 0 ? query.length() : end);
      int equals = pair.indexOf('=');
      if (equals < 0) {
        values.put(decode(pair), "");
      } else {
        values.put(decode(pair.substring(0, equals)), decode(pair.substring(equals + 1)));
      }
      start = end < 0 ? query.length() : end + 1;
    }
    return values;
  }

  private static String decode(String text) {
    return URLDecoder.decode(text, StandardCharsets.UTF_8);
  }
}
