package dev.berth.image.registry;

import dev.berth.base.Operation;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import org.apache.hc.client5.http.classic.methods.HttpGet;
import org.apache.hc.client5.http.classic.methods.HttpPost;
import org.apache.hc.client5.http.classic.methods.HttpUriRequestBase;
import org.apache.hc.client5.http.config.ConnectionConfig;
import org.apache.hc.client5.http.config.RequestConfig;
import org.apache.hc.client5.http.impl.classic.CloseableHttpClient;
import org.apache.hc.client5.http.impl.classic.HttpClients;
import org.apache.hc.client5.http.impl.io.PoolingHttpClientConnectionManager;
import org.apache.hc.client5.http.impl.io.PoolingHttpClientConnectionManagerBuilder;
import org.apache.hc.core5.http.ClassicHttpResponse;
import org.apache.hc.core5.http.ContentType;
import org.apache.hc.core5.http.Header;
import org.apache.hc.core5.http.HttpHost;
import org.apache.hc.core5.http.io.entity.InputStreamEntity;
import org.apache.hc.core5.http.io.entity.StringEntity;
import org.apache.hc.core5.io.CloseMode;
import org.apache.hc.core5.util.TimeValue;
import org.apache.hc.core5.util.Timeout;
import org.jspecify.annotations.Nullable;

/**
 * Sends single HTTP requests: no redirects, no retries, no decompression, no cookies; all of that
 * is decided above, where it is known whose credentials are at stake.
 *
 * <p>The only class that touches the HTTP library, so nothing of it loads before the first request.
 * One connection pool per TLS setting; connections that nobody uses are closed after a while.
 * Thread-safe.
 */
final class Http implements AutoCloseable {
  private static final int MAX_CONNECTIONS = 64;
  private static final int MAX_CONNECTIONS_PER_HOST = 24;
  private static final long IDLE_SECONDS = 15;

  /**
   * What makes connections differ.
   *
   * @param authorities which version of the machine's authorities they were checked with
   */
  private record Pool(Endpoint.Tls tls, Duration connectTimeout, String authorities) {
    boolean isOlderVersionOf(Pool other) {
      return tls.isOlderVersionOf(other.tls)
          || (tls.equals(other.tls) && !authorities.equals(other.authorities));
    }
  }

  private record Client(
      CloseableHttpClient http,
      PoolingHttpClientConnectionManager connections,
      ProxyRoutes routes) {}

  private final Map<Pool, Client> clients = new ConcurrentHashMap<>();

  /** Clients whose certificates have been replaced, as long as downloads go on over them. */
  private final Set<Client> retired = ConcurrentHashMap.newKeySet();

  private final Patience patience;
  private final RateWatch watch;
  private final ProxyRules proxies;
  private final SystemAuthorities authorities;
  private final HostHealth health = new HostHealth();

  Http(RegistrySettings settings) {
    this.patience = settings.patience();
    this.watch = new RateWatch(patience);
    this.proxies = ProxyRules.of(settings.environment());
    this.authorities = new SystemAuthorities(settings.environment());
  }

  /** An answer; to be closed. */
  static final class Response implements AutoCloseable {
    private final ClassicHttpResponse response;
    private final HttpUriRequestBase request;
    private final RateWatch watch;
    private final WatchedStream body;

    private Response(
        ClassicHttpResponse response,
        HttpUriRequestBase request,
        RateWatch watch,
        WatchedStream body) {
      this.response = response;
      this.request = request;
      this.watch = watch;
      this.body = body;
    }

    int status() {
      return response.getCode();
    }

    Optional<String> header(String name) {
      Header header = response.getFirstHeader(name);
      return Optional.ofNullable(header).map(Header::getValue);
    }

    /** Every value of a header that may stand several times. */
    List<String> headers(String name) {
      return Arrays.stream(response.getHeaders(name)).map(Header::getValue).toList();
    }

    /** The body, dropped when it comes too slowly or its operation is over. */
    InputStream body() {
      return body;
    }

    /** Ends the exchange; what is left of the body is not read. Idempotent. */
    @Override
    public void close() {
      watch.forget(body);
      request.abort(); // a polite close() would read the rest of a blob first
      try {
        response.close();
      } catch (IOException e) {
        // the connection is gone, and that is what was asked for
      }
    }
  }

  /** What is known of the hosts that were asked. */
  HostHealth health() {
    return health;
  }

  /**
   * Sends a GET and returns when the headers are there.
   *
   * @throws IOException if there is no answer within {@code answerTimeout} after connecting
   */
  Response get(
      Endpoint endpoint,
      URI url,
      Map<String, String> headers,
      Duration answerTimeout,
      Operation operation)
      throws IOException {
    return send(endpoint, new HttpGet(url), headers, answerTimeout, operation);
  }

  /** As above, with the usual patience. */
  Response get(Endpoint endpoint, URI url, Map<String, String> headers, Operation operation)
      throws IOException {
    return get(endpoint, url, headers, patience.answer(), operation);
  }

  /** What a request carries. */
  record Body(InputStream content, long sizeBytes) {
    static Body of(byte[] bytes) {
      return new Body(new ByteArrayInputStream(bytes), bytes.length);
    }

    /** Whether it can be sent a second time: it comes from memory. */
    boolean isRepeatable() {
      return content instanceof ByteArrayInputStream;
    }
  }

  /** A body may come as slowly as this, in bytes per millisecond; it is not watched. */
  private static final int SLOWEST_UPLOAD = 64;

  /** Sends any other request. */
  Response send(
      Endpoint endpoint,
      String method,
      URI url,
      Map<String, String> headers,
      @Nullable Body body,
      Operation operation)
      throws IOException {
    var request = new HttpUriRequestBase(method, url);
    if (body != null) {
      if (body.isRepeatable()) {
        body.content().reset();
      }
      request.setEntity(
          new InputStreamEntity(
              body.content(), body.sizeBytes(), ContentType.APPLICATION_OCTET_STREAM));
    }
    Duration upload = Duration.ofMillis(body == null ? 0 : body.sizeBytes() / SLOWEST_UPLOAD);
    return send(endpoint, request, headers, patience.answer().plus(upload), operation);
  }

  /** Sends a form. */
  Response post(
      Endpoint endpoint, URI url, String form, Map<String, String> headers, Operation operation)
      throws IOException {
    var post = new HttpPost(url);
    post.setEntity(
        new StringEntity(
            form, ContentType.create("application/x-www-form-urlencoded", StandardCharsets.UTF_8)));
    return send(endpoint, post, headers, patience.answer(), operation);
  }

  private Response send(
      Endpoint endpoint,
      HttpUriRequestBase request,
      Map<String, String> headers,
      Duration answerTimeout,
      Operation operation)
      throws IOException {
    URI url = uri(request);
    String host = HostHealth.nameOf(url);
    health.awaitTurn(host, operation);
    headers.forEach(request::setHeader);
    try {
      ClassicHttpResponse answer = exchange(endpoint, request, url, answerTimeout, operation);
      var connection = new WatchedConnection(health, host, request);
      WatchedStream body = watch.watch(content(answer), operation, connection);
      Response response = new Response(answer, request, watch, body);
      health.answered(host, response.status(), response.header("Retry-After"));
      return response;
    } catch (IOException e) {
      operation.check(); // a cancelled request looks like a broken one
      health.failed(host, Failures.reason(e));
      throw e;
    }
  }

  private ClassicHttpResponse exchange(
      Endpoint endpoint,
      HttpUriRequestBase request,
      URI url,
      Duration answerTimeout,
      Operation operation)
      throws IOException {
    Timeout timeout = Timeout.of(answerTimeout);
    request.setConfig(
        RequestConfig.custom()
            .setResponseTimeout(timeout)
            .setConnectionRequestTimeout(timeout)
            .build());
    Client client = client(endpoint);
    client.connections().closeIdle(TimeValue.ofSeconds(IDLE_SECONDS));
    HttpHost target = HttpHost.create(url);
    return new PendingAnswer(
            request,
            () -> client.http().executeOpen(target, request, client.routes().context(target)))
        .await(operation, endpoint.connectTimeout().plus(answerTimeout));
  }

  private static InputStream content(ClassicHttpResponse answer) throws IOException {
    return answer.getEntity() == null
        ? InputStream.nullInputStream()
        : answer.getEntity().getContent();
  }

  /** Tells the host's health when one of its connections is too slow. */
  private record WatchedConnection(HostHealth health, String host, HttpUriRequestBase request)
      implements WatchedStream.Connection {
    @Override
    public void tooSlow(String why) {
      health.failed(host, why);
    }

    @Override
    public void drop() {
      request.abort();
    }
  }

  private static URI uri(HttpUriRequestBase request) throws IOException {
    try {
      return request.getUri();
    } catch (URISyntaxException e) {
      throw new IOException("not a URL", e);
    }
  }

  private Client client(Endpoint endpoint) {
    var pool = new Pool(endpoint.tls(), endpoint.connectTimeout(), authorities.version());
    Client known = clients.get(pool);
    closeRetired();
    if (known != null) {
      return known;
    }
    retireOlderThan(pool);
    Client made = newClient(pool);
    Client winner = clients.putIfAbsent(pool, made);
    if (winner != null) {
      made.http().close(CloseMode.IMMEDIATE);
      return winner;
    }
    return made;
  }

  private void retireOlderThan(Pool pool) {
    for (Map.Entry<Pool, Client> entry : Map.copyOf(clients).entrySet()) {
      if (entry.getKey().isOlderVersionOf(pool)
          && clients.remove(entry.getKey(), entry.getValue())) {
        retired.add(entry.getValue());
      }
    }
  }

  private void closeRetired() {
    for (Client client : Set.copyOf(retired)) {
      if (client.connections().getTotalStats().getLeased() == 0 && retired.remove(client)) {
        client.http().close(CloseMode.GRACEFUL);
      }
    }
  }

  private Client newClient(Pool pool) {
    var connections =
        PoolingHttpClientConnectionManagerBuilder.create()
            .setMaxConnTotal(MAX_CONNECTIONS)
            .setMaxConnPerRoute(MAX_CONNECTIONS_PER_HOST)
            .setTlsSocketStrategy(TlsSetup.of(pool.tls(), authorities))
            .setDefaultConnectionConfig(
                ConnectionConfig.custom()
                    .setConnectTimeout(pool.connectTimeout().toMillis(), TimeUnit.MILLISECONDS)
                    .setValidateAfterInactivity(TimeValue.ofSeconds(1))
                    .build())
            .build();
    var routes = new ProxyRoutes(proxies);
    var http =
        HttpClients.custom()
            .setConnectionManager(connections)
            .setRoutePlanner(routes)
            .setUserAgent("berth")
            .disableRedirectHandling()
            .disableAutomaticRetries()
            .disableContentCompression()
            .disableCookieManagement()
            .disableAuthCaching()
            .build();
    return new Client(http, connections, routes);
  }

  @Override
  public void close() {
    clients.values().forEach(client -> client.http().close(CloseMode.IMMEDIATE));
    retired.forEach(client -> client.http().close(CloseMode.IMMEDIATE));
  }
}
