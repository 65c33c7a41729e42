package dev.berth.shim;

import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;
import static dev.berth.base.BerthException.Kind.UNIMPLEMENTED;

import dev.berth.base.BerthException;
import dev.berth.base.Ids;
import java.net.URI;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.HashMap;
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
      case "berth" -> attached(field, uri);
      case "binary" -> new Log(logOf(field, uri));
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

  private static Attached attached(String field, URI uri) {
    if (!"/attached".equals(uri.getPath())) {
      throw new BerthException(
          INVALID_ARGUMENT, field + ": no such stream: " + Ids.printable(uri.toString()));
    }
    return new Attached("true".equals(query(uri).get("once")));
  }

  /** Only berth-init is run as a logger, and it is not run at all: the stub is one. */
  private static Path logOf(String field, URI uri) {
    String log = query(uri).get("log");
    if (!uri.getPath().endsWith("/berth-init") || log == null || !log.startsWith("/")) {
      throw new BerthException(
          UNIMPLEMENTED,
          field + ": the only logger is berth-init with a log: " + Ids.printable(uri.toString()));
    }
    return Path.of(log);
  }

  private static Map<String, String> query(URI uri) {
    Map<String, String> values = new HashMap<>();
    String query = uri.getRawQuery();
    int start = 0;
    while (query != null && start < query.length()) {
      int end = query.indexOf('&', start);
      String pair = query.substring(start, end < 0 ? query.length() : end);
      int equals = pair.indexOf('=');
      if (equals > 0) {
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
