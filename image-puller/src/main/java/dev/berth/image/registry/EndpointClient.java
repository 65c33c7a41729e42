package dev.berth.image.registry;

import static dev.berth.base.BerthException.Kind.FAILED_PRECONDITION;
import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;

import dev.berth.base.BerthException;
import dev.berth.base.Operation;
import java.io.IOException;
import java.net.ConnectException;
import java.net.URI;
import java.net.UnknownHostException;
import java.time.Duration;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import javax.net.ssl.SSLException;
import org.jspecify.annotations.Nullable;

/**
 * Sends the requests of one session to one endpoint: answers challenges, follows redirects, repeats
 * what may succeed later.
 *
 * <p>On a redirect to another host the credentials and the configured headers stay behind, and TLS
 * is never given up (rule R20). Thread-safe.
 */
final class EndpointClient {
  private static final int MAX_ATTEMPTS = 4;

  /** A host that asks for pauses gets more: all pulls wait together, and one may be unlucky. */
  private static final Duration THROTTLED_PATIENCE = Duration.ofMinutes(3);

  /** Where another host can be asked instead, nobody waits for the slow one. */
  private static final Duration HASTY_ANSWER = Duration.ofSeconds(10);

  private static final int MAX_REDIRECTS = 5;

  private final Http http;
  private final Patience patience;
  private final Endpoint endpoint;
  private final String repository;
  private final Authorizer authorizer;

  EndpointClient(
      Http http, Patience patience, Endpoint endpoint, String repository, Authorizer authorizer) {
    this.http = http;
    this.patience = patience;
    this.endpoint = endpoint;
    this.repository = repository;
    this.authorizer = authorizer;
  }

  boolean can(Endpoint.Capability capability) {
    return endpoint.can(capability);
  }

  /** Host and port, as messages name them. */
  String host() {
    return endpoint.host();
  }

  Failures.Step step(String action) {
    return new Failures.Step(endpoint.host(), repository, action);
  }

  /** Says why this host should be left alone while there is another; empty if it may be asked. */
  Optional<String> avoid() {
    return http.health().avoid(HostHealth.nameOf(endpoint.base()));
  }

  /** How much is tried with a host: the last one of a list is worth waiting for. */
  enum Effort {
    /** Another host can be asked instead. */
    ONCE,
    /** There is no other. */
    PERSISTENT
  }

  /** What to do with a good answer. */
  interface Reader<T> {
    T read(Http.Response response) throws IOException;
  }

  /** Gets and reads an answer; an IOException while reading repeats the request. */
  <T> T get(
      Failures.Step step,
      String path,
      Map<String, String> headers,
      Effort effort,
      Operation operation,
      Reader<T> reader) {
    return attempt(
        step,
        effort,
        operation,
        () -> {
          try (Http.Response response = send(step, path, headers, effort, operation)) {
            requireSuccess(step, response);
            return reader.read(response);
          }
        });
  }

  /**
   * Opens a blob from an offset on; the caller closes it.
   *
   * @param sizeBytes of the whole blob
   */
  BlobBody open(
      Failures.Step step,
      String path,
      Map<String, String> headers,
      Effort effort,
      Operation operation,
      long offset,
      long sizeBytes) {
    return attempt(
        step,
        effort,
        operation,
        () -> {
          Http.Response response = send(step, path, headers, effort, operation);
          try {
            requireSuccess(step, response);
            requireSize(step, response, sizeBytes);
            return BlobBody.of(step, response, bytesToSkip(step, response, offset));
          } catch (IOException | RuntimeException e) {
            response.close();
            throw e;
          }
        });
  }

  /** Where the server says how long the blob is, a wrong size is known before a byte is read. */
  private static void requireSize(Failures.Step step, Http.Response response, long sizeBytes) {
    String size =
        response.status() == 206
            ? response.header("Content-Range").orElse("").replaceFirst(".*/", "")
            : response.header("Content-Length").orElse("");
    if (size.matches("\\d{1,18}") && Long.parseLong(size) != sizeBytes) {
      throw new BerthException(
          INVALID_ARGUMENT,
          step + ": the blob has " + size + " bytes, its descriptor says " + sizeBytes);
    }
  }

  /** A server may ignore a range and send everything; one that sends another range is broken. */
  private static long bytesToSkip(Failures.Step step, Http.Response response, long offset) {
    if (response.status() == 200) {
      return offset;
    }
    String range = response.header("Content-Range").orElse("");
    if (!range.startsWith("bytes " + offset + "-")) {
      throw new BerthException(
          FAILED_PRECONDITION,
          step + ": asked for bytes from " + offset + " on, the answer is " + range);
    }
    return 0;
  }

  private interface Exchange<T> {
    T run() throws IOException;
  }

  /** A status that may pass. */
  static final class TransientStatus extends IOException {
    private static final long serialVersionUID = 1L;

    private final transient BerthException failure;
    private final int status;

    TransientStatus(BerthException failure, int status) {
      super(failure.getMessage());
      this.failure = failure;
      this.status = status;
    }

    /** What to tell if it does not pass. */
    BerthException failure() {
      return failure;
    }
  }

  private static <T> T attempt(
      Failures.Step step, Effort effort, Operation operation, Exchange<T> exchange) {
    Instant begun = Instant.now();
    int failed = 0;
    while (true) {
      BerthException failure;
      try {
        return exchange.run();
      } catch (TransientStatus e) {
        failure = e.failure;
        boolean mayWait = Instant.now().isBefore(begun.plus(THROTTLED_PATIENCE));
        if (e.status == 429 && mayWait && effort == Effort.PERSISTENT) {
          continue; // the next request waits for as long as the host wants
        }
        failed = e.status == 429 ? MAX_ATTEMPTS : failed + 1;
      } catch (IOException e) {
        operation.check(); // a cancelled request looks like a broken one
        failure = Failures.unreachable(step, e);
        failed = isFinal(e) ? MAX_ATTEMPTS : failed + 1;
      }
      if (effort == Effort.ONCE || failed == MAX_ATTEMPTS) {
        throw failure;
      }
      Backoff.pause(failed, operation);
    }
  }

  /** Nobody there, no such name, the wrong certificate: the next try would say the same. */
  private static boolean isFinal(IOException e) {
    return e instanceof ConnectException
        || e instanceof UnknownHostException
        || e instanceof SSLException;
  }

  private static void requireSuccess(Failures.Step step, Http.Response response)
      throws TransientStatus {
    int status = response.status();
    if (status == 200 || status == 206) {
      return;
    }
    BerthException failure = Failures.status(step, response);
    if (Failures.isTransient(status)) {
      throw new TransientStatus(failure, status);
    }
    throw failure;
  }

  /** Sends a request and answers a challenge, once. */
  private Http.Response send(
      Failures.Step step,
      String path,
      Map<String, String> headers,
      Effort effort,
      Operation operation)
      throws IOException {
    URI url = endpoint.url(path);
    Http.Response response = follow(step, url, headers, effort, operation);
    if (response.status() != 401) {
      return response;
    }
    boolean again;
    try {
      again = authorizer.answer(response.headers("WWW-Authenticate"), operation);
    } catch (IOException | RuntimeException e) {
      response.close();
      throw e;
    }
    if (!again) {
      return response;
    }
    response.close();
    return follow(step, url, headers, effort, operation);
  }

  private Http.Response follow(
      Failures.Step step,
      URI first,
      Map<String, String> headers,
      Effort effort,
      Operation operation)
      throws IOException {
    Duration timeout = effort == Effort.ONCE ? hasty() : patience.answer();
    URI url = first;
    for (int redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
      Http.Response response =
          http.get(endpoint, url, headersFor(url, headers), timeout, operation);
      if (!isRedirect(response.status())) {
        return response;
      }
      try (response) {
        url = target(step, url, response.header("Location").orElse(null));
      }
    }
    throw new BerthException(
        FAILED_PRECONDITION, step + ": more than " + MAX_REDIRECTS + " redirects");
  }

  private Duration hasty() {
    return patience.answer().compareTo(HASTY_ANSWER) < 0 ? patience.answer() : HASTY_ANSWER;
  }

  private Map<String, String> headersFor(URI url, Map<String, String> headers) {
    Map<String, String> all = new LinkedHashMap<>(headers);
    if (isOurHost(url)) {
      endpoint.headers().forEach((name, values) -> all.put(name, String.join(", ", values)));
      authorizer.authorization().ifPresent(value -> all.put("Authorization", value));
    }
    return all;
  }

  private boolean isOurHost(URI url) {
    return endpoint.host().equals(url.getRawAuthority())
        && endpoint.base().getScheme().equals(url.getScheme());
  }

  private static boolean isRedirect(int status) {
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
  }

  private URI target(Failures.Step step, URI from, @Nullable String location) {
    try {
      URI to = from.resolve(location == null ? "" : location);
      boolean secure = "https".equals(to.getScheme());
      if (location != null
          && !location.isEmpty()
          && to.getRawAuthority() != null
          && (secure || ("http".equals(to.getScheme()) && endpoint.isPlainHttp()))) {
        return to;
      }
    } catch (IllegalArgumentException e) {
      throw new BerthException(
          FAILED_PRECONDITION, step + ": it redirects to something that is not a URL", e);
    }
    throw new BerthException(
        FAILED_PRECONDITION, step + ": it redirects to a place that is not https");
  }
}
