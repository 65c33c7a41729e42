package dev.berth.image.registry;

import dev.berth.base.Operation;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509TrustManager;
import org.apache.hc.client5.http.classic.methods.HttpGet;
import org.apache.hc.client5.http.classic.methods.HttpPost;
import org.apache.hc.client5.http.classic.methods.HttpUriRequestBase;
import org.apache.hc.client5.http.config.ConnectionConfig;
import org.apache.hc.client5.http.config.RequestConfig;
import org.apache.hc.client5.http.impl.classic.CloseableHttpClient;
import org.apache.hc.client5.http.impl.classic.HttpClients;
import org.apache.hc.client5.http.impl.io.PoolingHttpClientConnectionManager;
import org.apache.hc.client5.http.impl.io.PoolingHttpClientConnectionManagerBuilder;
import org.apache.hc.client5.http.ssl.DefaultClientTlsStrategy;
import org.apache.hc.client5.http.ssl.HttpsSupport;
import org.apache.hc.client5.http.ssl.NoopHostnameVerifier;
import org.apache.hc.core5.http.ClassicHttpResponse;
import org.apache.hc.core5.http.ContentType;
import org.apache.hc.core5.http.Header;
import org.apache.hc.core5.http.HttpHost;
import org.apache.hc.core5.http.io.entity.InputStreamEntity;
import org.apache.hc.core5.http.io.entity.StringEntity;
import org.apache.hc.core5.io.CloseMode;
import org.apache.hc.core5.ssl.SSLContexts;
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
  private static final Duration RESPONSE_TIMEOUT = Duration.ofSeconds(30);
  private static final int MAX_CONNECTIONS = 64;
  private static final int MAX_CONNECTIONS_PER_HOST = 16;
  private static final long IDLE_SECONDS = 15;

  /** What makes connections differ. */
  private record Pool(Endpoint.Tls tls, Duration connectTimeout) {}

  private record Client(CloseableHttpClient http, PoolingHttpClientConnectionManager connections) {}

  private final Map<Pool, Client> clients = new ConcurrentHashMap<>();

  /** An answer; to be closed. */
  static final class Response implements AutoCloseable {
    private final ClassicHttpResponse response;
    private final HttpUriRequestBase request;

    private Response(ClassicHttpResponse response, HttpUriRequestBase request) {
      this.response = response;
      this.request = request;
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

    InputStream body() throws IOException {
      return response.getEntity() == null
          ? InputStream.nullInputStream()
          : response.getEntity().getContent();
    }

    /** Ends the exchange; what is left of the body is not read. Idempotent. */
    @Override
    public void close() {
      request.abort(); // a polite close() would read the rest of a blob first
      try {
        response.close();
      } catch (IOException e) {
        // the connection is gone, and that is what was asked for
      }
    }
  }

  /** Sends a GET and returns when the headers are there. */
  Response get(Endpoint endpoint, URI url, Map<String, String> headers, Operation operation)
      throws IOException {
    return send(endpoint, new HttpGet(url), headers, operation);
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
    return send(endpoint, request, headers, operation);
  }

  /** Sends a form. */
  Response post(
      Endpoint endpoint, URI url, String form, Map<String, String> headers, Operation operation)
      throws IOException {
    var post = new HttpPost(url);
    post.setEntity(
        new StringEntity(
            form, ContentType.create("application/x-www-form-urlencoded", StandardCharsets.UTF_8)));
    return send(endpoint, post, headers, operation);
  }

  private Response send(
      Endpoint endpoint,
      HttpUriRequestBase request,
      Map<String, String> headers,
      Operation operation)
      throws IOException {
    operation.check();
    headers.forEach(request::setHeader);
    Timeout timeout =
        Timeout.ofMilliseconds(Math.max(1, operation.remaining(RESPONSE_TIMEOUT).toMillis()));
    request.setConfig(
        RequestConfig.custom()
            .setResponseTimeout(timeout)
            .setConnectionRequestTimeout(timeout)
            .build());
    operation.onCancel(request::abort);
    Client client = client(endpoint);
    client.connections().closeIdle(TimeValue.ofSeconds(IDLE_SECONDS));
    HttpHost target = HttpHost.create(uri(request));
    return new Response(client.http().executeOpen(target, request, null), request);
  }

  private static URI uri(HttpUriRequestBase request) throws IOException {
    try {
      return request.getUri();
    } catch (URISyntaxException e) {
      throw new IOException("not a URL", e);
    }
  }

  private Client client(Endpoint endpoint) throws IOException {
    var pool = new Pool(endpoint.tls(), endpoint.connectTimeout());
    Client known = clients.get(pool);
    if (known != null) {
      return known;
    }
    Client made = newClient(pool);
    Client winner = clients.putIfAbsent(pool, made);
    if (winner != null) {
      made.http().close();
      return winner;
    }
    return made;
  }

  private static Client newClient(Pool pool) throws IOException {
    var connections =
        PoolingHttpClientConnectionManagerBuilder.create()
            .setMaxConnTotal(MAX_CONNECTIONS)
            .setMaxConnPerRoute(MAX_CONNECTIONS_PER_HOST)
            .setTlsSocketStrategy(tls(pool.tls()))
            .setDefaultConnectionConfig(
                ConnectionConfig.custom()
                    .setConnectTimeout(pool.connectTimeout().toMillis(), TimeUnit.MILLISECONDS)
                    .setSocketTimeout(Timeout.of(RESPONSE_TIMEOUT))
                    .setValidateAfterInactivity(TimeValue.ofSeconds(1))
                    .build())
            .build();
    var http =
        HttpClients.custom()
            .setConnectionManager(connections)
            .setUserAgent("berth")
            .disableRedirectHandling()
            .disableAutomaticRetries()
            .disableContentCompression()
            .disableCookieManagement()
            .disableAuthCaching()
            .build();
    return new Client(http, connections);
  }

  private static DefaultClientTlsStrategy tls(Endpoint.Tls tls) throws IOException {
    try {
      if (tls.skipVerify()) {
        SSLContext trusting =
            SSLContexts.custom().loadTrustMaterial(null, (chain, type) -> true).build();
        return new DefaultClientTlsStrategy(trusting, NoopHostnameVerifier.INSTANCE);
      }
      if (tls.authorities().isEmpty()) {
        return DefaultClientTlsStrategy.createSystemDefault();
      }
      SSLContext context = SSLContexts.custom().loadTrustMaterial(trustStore(tls), null).build();
      return new DefaultClientTlsStrategy(context, HttpsSupport.getDefaultHostnameVerifier());
    } catch (GeneralSecurityException e) {
      throw new IOException("cannot set up TLS: " + e.getMessage(), e);
    }
  }

  /** The machine's own authorities and those of the configuration: one manager must know all. */
  private static KeyStore trustStore(Endpoint.Tls tls)
      throws IOException, GeneralSecurityException {
    List<Certificate> trusted = new ArrayList<>(machineAuthorities());
    CertificateFactory factory = CertificateFactory.getInstance("X.509");
    for (Path file : tls.authorities()) {
      try (var in = Files.newInputStream(file)) {
        trusted.addAll(factory.generateCertificates(in));
      }
    }
    KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
    store.load(null, null);
    for (int i = 0; i < trusted.size(); i++) {
      store.setCertificateEntry("authority-" + i, trusted.get(i));
    }
    return store;
  }

  private static List<Certificate> machineAuthorities() throws GeneralSecurityException {
    var factory = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    factory.init((KeyStore) null);
    return Arrays.stream(factory.getTrustManagers())
        .filter(X509TrustManager.class::isInstance)
        .flatMap(manager -> Arrays.stream(((X509TrustManager) manager).getAcceptedIssuers()))
        .map(Certificate.class::cast)
        .toList();
  }

  @Override
  public void close() {
    clients.values().forEach(client -> client.http().close(CloseMode.IMMEDIATE));
  }
}
