package dev.berth.image.registry;

import static dev.berth.base.BerthException.Kind.FAILED_PRECONDITION;
import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;
import static java.nio.charset.StandardCharsets.UTF_8;

import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import dev.berth.base.BerthException;
import dev.berth.base.Ids;
import dev.berth.base.Operation;
import java.io.IOException;
import java.net.URI;
import java.net.URLEncoder;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Answers the challenges of one endpoint for one repository with the credentials of one pull.
 *
 * <p>The TLS settings of the endpoint hold for its token server too, as they do with containerd.
 * Nothing it learns outlives the pull: another pull with other credentials must prove itself anew.
 * Tokens are asked for over TLS unless the endpoint itself is plain HTTP by configuration (rule
 * R20). Thread-safe.
 */
final class Authorizer {
  private static final int MAX_TOKEN_BYTES = 1024 * 1024;

  private final Http http;
  private final Endpoint endpoint;
  private final String repository;
  private final PullCredentials credentials;
  private volatile @Nullable String authorization;

  Authorizer(Http http, Endpoint endpoint, String repository, PullCredentials credentials) {
    this.http = http;
    this.endpoint = endpoint;
    this.repository = repository;
    this.credentials = credentials;
    this.authorization =
        credentials.own() instanceof Credentials.RegistryToken(var token)
            ? "Bearer " + token
            : null;
  }

  /** The value of the Authorization header, as far as it is known what the endpoint wants. */
  Optional<String> authorization() {
    return Optional.ofNullable(authorization);
  }

  /**
   * Prepares an answer to a 401.
   *
   * @return whether there is one that was not tried before
   */
  boolean answer(List<String> challenges, Operation operation) throws IOException {
    for (String header : challenges) {
      Optional<Challenge> challenge = Challenge.parse(header);
      Optional<String> answer = Optional.empty();
      if (challenge.isPresent()) {
        answer = answer(challenge.get(), operation);
      }
      if (answer.isPresent() && !answer.get().equals(authorization)) {
        authorization = answer.get();
        return true;
      }
    }
    return false;
  }

  private Optional<String> answer(Challenge challenge, Operation operation) throws IOException {
    Credentials shown = credentials.known(operation);
    return switch (challenge.scheme()) {
      case "basic" ->
          shown instanceof Credentials.Basic basic ? Optional.of(basic(basic)) : Optional.empty();
      case "bearer" ->
          shown instanceof Credentials.RegistryToken(var token)
              ? Optional.of("Bearer " + token)
              : Optional.of("Bearer " + token(challenge, shown, operation));
      default -> Optional.empty();
    };
  }

  private static String basic(Credentials.Basic basic) {
    String pair = basic.username() + ":" + basic.password();
    return "Basic " + Base64.getEncoder().encodeToString(pair.getBytes(UTF_8));
  }

  private String token(Challenge challenge, Credentials shown, Operation operation)
      throws IOException {
    URI realm = realm(challenge.parameter("realm"));
    var step = new Failures.Step(realm.getRawAuthority(), repository, "fetch token");
    try (Http.Response response = ask(realm, challenge, shown, operation)) {
      if (response.status() != 200) {
        throw Attempts.failed(step, response);
      }
      byte[] body = response.body().readNBytes(MAX_TOKEN_BYTES);
      return parse(step, new String(body, UTF_8));
    }
  }

  private Http.Response ask(URI realm, Challenge challenge, Credentials shown, Operation operation)
      throws IOException {
    String service = challenge.parameter("service");
    String scope = challenge.parameter("scope");
    if (scope.isEmpty()) {
      scope = "repository:" + repository + ":pull";
    }
    if (shown instanceof Credentials.IdentityToken(var refreshToken)) {
      String form =
          query("grant_type", "refresh_token")
              + "&"
              + query("service", service)
              + "&"
              + query("scope", scope)
              + "&"
              + query("client_id", "berth")
              + "&"
              + query("refresh_token", refreshToken);
      return http.post(endpoint, realm, form, Map.of(), operation);
    }
    String separator = realm.getRawQuery() == null ? "?" : "&";
    URI url =
        URI.create(
            realm
                + separator
                + (service.isEmpty() ? "" : query("service", service) + "&")
                + query("scope", scope));
    Map<String, String> headers =
        shown instanceof Credentials.Basic basic ? Map.of("Authorization", basic(basic)) : Map.of();
    return http.get(endpoint, url, headers, operation);
  }

  private URI realm(String realm) {
    URI url;
    try {
      url = URI.create(realm);
    } catch (IllegalArgumentException e) {
      throw badRealm(realm, "is not a URL");
    }
    if (url.getRawAuthority() == null || url.getRawUserInfo() != null) {
      throw badRealm(realm, "names no host");
    }
    boolean secure = "https".equals(url.getScheme());
    if (!secure && !("http".equals(url.getScheme()) && endpoint.isPlainHttp())) {
      throw badRealm(realm, "must be https, because credentials are sent there");
    }
    return url;
  }

  private BerthException badRealm(String realm, String why) {
    return new BerthException(
        INVALID_ARGUMENT,
        "registry "
            + endpoint.host()
            + ": the token realm \""
            + Ids.printable(realm)
            + "\" "
            + why);
  }

  private static String parse(Failures.Step step, String body) {
    try {
      JsonObject answer = JsonParser.parseString(body).getAsJsonObject();
      for (String field : List.of("token", "access_token")) {
        if (answer.has(field)) {
          String token = answer.get(field).getAsString();
          if (!token.isEmpty() && token.chars().allMatch(c -> c > ' ' && c < 0x7f)) {
            return token;
          }
        }
      }
    } catch (JsonParseException | IllegalStateException | UnsupportedOperationException e) {
      throw new BerthException(FAILED_PRECONDITION, step + ": the answer is not JSON", e);
    }
    throw new BerthException(FAILED_PRECONDITION, step + ": the answer has no token");
  }

  private static String query(String name, String value) {
    return name + "=" + URLEncoder.encode(value, UTF_8);
  }
}
