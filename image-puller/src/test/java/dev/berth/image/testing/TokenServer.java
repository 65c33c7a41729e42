package dev.berth.image.testing;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URLDecoder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.Signature;
import java.security.spec.PKCS8EncodedKeySpec;
import java.time.Instant;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;

/**
 * A token server as registries use them: signs tokens for {@code berth:secret} or for the refresh
 * token {@code refresh-me}, and tokens that allow nothing for everybody else.
 */
public final class TokenServer implements AutoCloseable {
  private final HttpServer server;
  private final Path certificate;
  private final PrivateKey key;
  private final String certificateBody;
  private final List<String> requests = new CopyOnWriteArrayList<>();

  private TokenServer(HttpServer server, Path certificate, PrivateKey key, String body) {
    this.server = server;
    this.certificate = certificate;
    this.key = key;
    this.certificateBody = body;
  }

  /** Makes a key in {@code folder} and starts. */
  public static TokenServer start(Path folder) {
    try {
      Path certificate = folder.resolve("token.crt");
      Path keyFile = folder.resolve("token.key");
      run(
          List.of(
              "openssl",
              "req",
              "-x509",
              "-newkey",
              "rsa:2048",
              "-nodes",
              "-days",
              "2",
              "-subj",
              "/CN=test",
              "-keyout",
              keyFile.toString(),
              "-out",
              certificate.toString()));
      PrivateKey key =
          KeyFactory.getInstance("RSA")
              .generatePrivate(
                  new PKCS8EncodedKeySpec(Base64.getDecoder().decode(pemBody(keyFile))));
      var server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
      var tokens = new TokenServer(server, certificate, key, pemBody(certificate));
      server.createContext("/token", tokens::answer);
      server.start();
      return tokens;
    } catch (IOException | GeneralSecurityException e) {
      throw new AssertionError(e);
    }
  }

  private static void run(List<String> command) throws IOException {
    var process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String output = new String(process.getInputStream().readAllBytes(), UTF_8);
    try {
      if (process.waitFor() != 0) {
        throw new AssertionError(command + ": " + output);
      }
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  private static String pemBody(Path file) throws IOException {
    return Files.readString(file).replaceAll("-----[A-Z ]+-----|\\s", "");
  }

  public String realm() {
    return "http://127.0.0.1:" + server.getAddress().getPort() + "/token";
  }

  Path certificate() {
    return certificate;
  }

  /** Method, query or form, and Authorization of every request so far. */
  public List<String> requests() {
    return List.copyOf(requests);
  }

  private void answer(HttpExchange exchange) throws IOException {
    String authorization = exchange.getRequestHeaders().getFirst("Authorization");
    String body = new String(exchange.getRequestBody().readAllBytes(), UTF_8);
    String query =
        exchange.getRequestMethod().equals("POST") ? body : exchange.getRequestURI().getRawQuery();
    requests.add(exchange.getRequestMethod() + " " + query + " " + authorization);
    Map<String, String> parameters = parse(query);
    String basic = "Basic " + Base64.getEncoder().encodeToString("berth:secret".getBytes(UTF_8));
    boolean known =
        basic.equals(authorization) || "refresh-me".equals(parameters.get("refresh_token"));
    if (authorization != null && !known) {
      exchange.sendResponseHeaders(401, -1);
      exchange.close();
      return;
    }
    byte[] answer =
        ("{\"" + (known ? "token" : "access_token") + "\": \"" + token(parameters, known) + "\"}")
            .getBytes(UTF_8);
    exchange.sendResponseHeaders(200, answer.length);
    exchange.getResponseBody().write(answer);
    exchange.close();
  }

  private static Map<String, String> parse(String query) {
    Map<String, String> parameters = new HashMap<>();
    for (String pair : query.split("&", -1)) {
      String[] parts = pair.split("=", 2);
      parameters.put(parts[0], URLDecoder.decode(parts[1], UTF_8));
    }
    return parameters;
  }

  private String token(Map<String, String> parameters, boolean known) {
    String[] scope = parameters.getOrDefault("scope", "::").split(":", -1);
    String access =
        known
            ? "{\"type\":\"%s\",\"name\":\"%s\",\"actions\":[\"pull\"]}"
                .formatted(scope[0], scope[1])
            : "";
    long now = Instant.now().getEpochSecond();
    String header = "{\"typ\":\"JWT\",\"alg\":\"RS256\",\"x5c\":[\"" + certificateBody + "\"]}";
    String claims =
        """
        {"iss":"test-issuer","sub":"berth","aud":"%s","exp":%d,"nbf":%d,"iat":%d,"jti":"1",
         "access":[%s]}
        """
            .formatted(parameters.get("service"), now + 300, now - 10, now, access);
    String signed = base64(header.getBytes(UTF_8)) + "." + base64(claims.getBytes(UTF_8));
    try {
      Signature signature = Signature.getInstance("SHA256withRSA");
      signature.initSign(key);
      signature.update(signed.getBytes(UTF_8));
      return signed + "." + base64(signature.sign());
    } catch (GeneralSecurityException e) {
      throw new AssertionError(e);
    }
  }

  /** A token that lets its bearer pull from a repository. */
  public String tokenFor(String repository) {
    return token(
        Map.of("service", "test-service", "scope", "repository:" + repository + ":pull"), true);
  }

  private static String base64(byte[] bytes) {
    return Base64.getUrlEncoder().withoutPadding().encodeToString(bytes);
  }

  @Override
  public void close() {
    server.stop(0);
  }
}
