package dev.berth.image.testing;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import dev.berth.image.oci.Digest;
import dev.berth.image.oci.MediaTypes;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Executors;
import javax.net.ssl.SSLContext;
import org.jspecify.annotations.Nullable;

/** A registry that answers exactly what a test tells it to, and remembers what it was asked. */
public final class HostileRegistry implements AutoCloseable {
  /** Answers one request. */
  @FunctionalInterface
  public interface Responder {
    void answer(HttpExchange exchange) throws IOException;
  }

  /** A request as it came. */
  public record Request(String path, @Nullable String authorization, @Nullable String range) {}

  private final HttpServer server;
  private final Map<String, Responder> responders = new ConcurrentHashMap<>();
  private final List<Request> requests = new CopyOnWriteArrayList<>();

  private HostileRegistry(HttpServer server) {
    this.server = server;
    server.createContext("/", this::dispatch);
    server.setExecutor(Executors.newVirtualThreadPerTaskExecutor());
    server.start();
  }

  public static HostileRegistry start() {
    try {
      return new HostileRegistry(HttpServer.create(loopback(), 0));
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  public static HostileRegistry startWithTls(SSLContext tls) {
    try {
      HttpsServer server = HttpsServer.create(loopback(), 0);
      server.setHttpsConfigurator(new HttpsConfigurator(tls));
      return new HostileRegistry(server);
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  private static InetSocketAddress loopback() {
    return new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
  }

  public String host() {
    return "127.0.0.1:" + server.getAddress().getPort();
  }

  public List<Request> requests() {
    return List.copyOf(requests);
  }

  public long requestsFor(String path) {
    return requests.stream().filter(request -> request.path().startsWith(path)).count();
  }

  private void dispatch(HttpExchange exchange) throws IOException {
    String path = exchange.getRequestURI().toString();
    var headers = exchange.getRequestHeaders();
    requests.add(new Request(path, headers.getFirst("Authorization"), headers.getFirst("Range")));
    Responder responder = responders.get(exchange.getRequestURI().getPath());
    try (exchange) {
      if (responder == null) {
        exchange.sendResponseHeaders(404, -1);
      } else {
        responder.answer(exchange);
      }
    }
  }

  public HostileRegistry on(String path, Responder responder) {
    responders.put(path, responder);
    return this;
  }

  /** Serves an image as it should be. */
  public HostileRegistry serve(String repository, String tag, TestImage image) {
    byte[] manifest = image.manifest();
    manifest(repository, tag, manifest);
    manifest(repository, Digest.ofSha256(manifest).toString(), manifest);
    for (TestImage.Layer layer : image.layers()) {
      blob(repository, layer.digest(), layer.blob());
    }
    blob(repository, Digest.ofSha256(image.configBlob()), image.configBlob());
    return this;
  }

  public HostileRegistry manifest(String repository, String reference, byte[] manifest) {
    return on(
        "/v2/" + repository + "/manifests/" + reference,
        exchange -> {
          exchange.getResponseHeaders().set("Content-Type", MediaTypes.OCI_MANIFEST);
          send(exchange, 200, manifest);
        });
  }

  /** Serves bytes as a blob, whatever their digest is; knows ranges. */
  public HostileRegistry blob(String repository, Digest digest, byte[] blob) {
    return on(blobPath(repository, digest), exchange -> sendRange(exchange, blob));
  }

  public static String blobPath(String repository, Digest digest) {
    return "/v2/" + repository + "/blobs/" + digest;
  }

  public static void sendRange(HttpExchange exchange, byte[] blob) throws IOException {
    String range = exchange.getRequestHeaders().getFirst("Range");
    if (range == null) {
      send(exchange, 200, blob);
      return;
    }
    String[] bounds = range.substring("bytes=".length()).split("-", 2);
    int from = Integer.parseInt(bounds[0]);
    int to = bounds[1].isEmpty() ? blob.length : Integer.parseInt(bounds[1]) + 1;
    exchange
        .getResponseHeaders()
        .set("Content-Range", "bytes " + from + "-" + (to - 1) + "/" + blob.length);
    send(exchange, 206, Arrays.copyOfRange(blob, from, to));
  }

  public static void send(HttpExchange exchange, int status, byte[] body) throws IOException {
    exchange.sendResponseHeaders(status, body.length == 0 ? -1 : body.length);
    if (body.length > 0) {
      exchange.getResponseBody().write(body);
    }
  }

  public static void send(HttpExchange exchange, int status, String body) throws IOException {
    send(exchange, status, body.getBytes(UTF_8));
  }

  @Override
  public void close() {
    server.stop(0);
  }
}
