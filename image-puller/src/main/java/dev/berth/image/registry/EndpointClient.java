package dev.berth.image.registry;

import static dev.berth.base.BerthException.Kind.FAILED_PRECONDITION;
import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;

import dev.berth.base.BerthException;
import dev.berth.base.Ids;
import dev.berth.base.Operation;
import dev.berth.image.oci.Descriptor;
import dev.berth.image.registry.Attempts.Effort;
import java.io.IOException;
import java.net.URI;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Sends the requests of one session to one endpoint: answers challenges, follows redirects, repeats
 * what may succeed later.
 *
 * <p>On a redirect to another host the credentials and the configured headers stay behind, and TLS
 * is never given up (rule R20). Thread-safe.
 */
final class EndpointClient {
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
    return Attempts.run(
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

  /** Whether nothing is known that speaks against asking this host for ranges. */
  boolean mayGiveRanges() {
    return http.health().mayGiveRanges(HostHealth.nameOf(endpoint.base()));
  }

  /** Opens a blob from an offset on; the caller closes it. */
  BlobBody openBlob(Descriptor descriptor, long offset, Effort effort, Operation operation) {
    var step = step("fetch blob " + descriptor.digest());
    return Attempts.run(
        step,
        effort,
        operation,
        () -> {
          Map<String, String> range =
              offset == 0 ? Map.of() : Map.of("Range", "bytes=" + offset + "-");
          Http.Response response = send(step, blobPath(descriptor), range, effort, operation);
          try {
            requireSuccess(step, response);
            requireSize(step, response, descriptor.sizeBytes());
            response.body().skipNBytes(bytesToSkip(step, response, offset));
            return new BlobBody(BlobOrigin.of(this, step, response), response);
          } catch (IOException | RuntimeException e) {
            response.close();
            throw e;
          }
        });
  }

  /**
   * Opens a range of a blob; the caller closes it. A server that gives something else is not asked
   * for ranges again.
   *
   * @param before who the rest of the blob comes from
   */
  BlobBody openRange(
      Failures.Step step,
      Descriptor descriptor,
      long from,
      long to,
      BlobOrigin before,
      Operation operation) {
    Map<String, String> range = Map.of("Range", "bytes=" + from + "-" + (to - 1));
    return Attempts.run(
        step,
        Effort.PERSISTENT,
        operation,
        () -> {
          Http.Response response =
              send(step, blobPath(descriptor), range, Effort.PERSISTENT, operation);
          try {
            requireSuccess(step, response);
            BlobOrigin now = BlobOrigin.of(this, step, response);
            requireRange(response, now, from, to, descriptor.sizeBytes(), before);
            return new BlobBody(now, response);
          } catch (IOException | RuntimeException e) {
            response.close();
            throw e;
          }
        });
  }

  private String blobPath(Descriptor descriptor) {
    return "/" + repository + "/blobs/" + descriptor.digest();
  }

  private void requireRange(
      Http.Response response,
      BlobOrigin now,
      long from,
      long to,
      long sizeBytes,
      BlobOrigin before) {
    String expected = "bytes " + from + "-" + (to - 1) + "/" + sizeBytes;
    String range = response.header("Content-Range").orElse("no range");
    String wrong = "";
    if (response.status() != 206) {
      wrong = "it ignores ranges";
    } else if (!range.equals(expected)) {
      wrong = "asked for " + expected + ", the answer is " + Ids.printable(range);
    } else if (before.etag().isPresent()
        && now.etag().isPresent()
        && !before.etag().equals(now.etag())) {
      wrong = "it has changed its ETag";
    }
    if (!wrong.isEmpty()) {
      http.health().refusesRanges(HostHealth.nameOf(endpoint.base()));
      throw new BerthException(FAILED_PRECONDITION, now.step() + ": " + wrong);
    }
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

  private static void requireSuccess(Failures.Step step, Http.Response response)
      throws IOException {
    if (response.status() != 200 && response.status() != 206) {
      throw Attempts.failed(step, response);
    }
  }

  /** An answer, and the URL that gave it after all redirects. */
  private record Answer(URI url, Http.Response response) {}

  /** Sends a request and answers a challenge, once: of the registry's, not of another host's. */
  private Http.Response send(
      Failures.Step step,
      String path,
      Map<String, String> headers,
      Effort effort,
      Operation operation)
      throws IOException {
    URI url = endpoint.url(path);
    Answer answer = follow(step, url, headers, effort, operation);
    Http.Response response = answer.response();
    if (response.status() != 401 || !isOurHost(answer.url())) {
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
    return follow(step, url, headers, effort, operation).response();
  }

  private Answer follow(
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
        return new Answer(url, response);
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
