package dev.berth.image.registry;

import dev.berth.base.BerthException;
import dev.berth.base.Operation;
import dev.berth.image.oci.ImageReference;
import dev.berth.image.oci.MediaTypes;
import java.io.IOException;
import java.net.URI;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

/** Asks one host for a manifest's headers and tells all about it. Secrets are never told. */
final class HostProbe {
  private final Http http;
  private final Endpoint endpoint;
  private final PullCredentials credentials;

  HostProbe(Http http, Endpoint endpoint, PullCredentials credentials) {
    this.http = http;
    this.endpoint = endpoint;
    this.credentials = credentials;
  }

  HostReport run(ImageReference reference, Operation operation) {
    var authorizer = new Authorizer(http, endpoint, reference.repository(), credentials);
    List<String> challenges = new ArrayList<>();
    String answer = answer(reference, authorizer, challenges, operation);
    String wanted =
        challenges.isEmpty()
            ? "it asks for nothing"
            : challenges.stream().map(HostProbe::schemeOf).collect(Collectors.joining(", "));
    return new HostReport(
        endpoint.base() + (endpoint.mirrorOf().isEmpty() ? "" : " for " + endpoint.mirrorOf()),
        capabilities(),
        tls(),
        "we have " + source(operation) + "; " + wanted,
        answer);
  }

  private String answer(
      ImageReference reference,
      Authorizer authorizer,
      List<String> challenges,
      Operation operation) {
    URI url = endpoint.url("/" + reference.repository() + "/manifests/" + reference.tagOrDigest());
    try {
      try (Http.Response first = head(url, authorizer, operation)) {
        if (first.status() != 401) {
          return describe(first);
        }
        challenges.addAll(first.headers("WWW-Authenticate"));
        if (!authorizer.answer(challenges, operation)) {
          return describe(first);
        }
      }
      try (Http.Response second = head(url, authorizer, operation)) {
        return describe(second);
      }
    } catch (IOException e) {
      operation.check();
      return "no answer: " + (e.getMessage() == null ? e.toString() : e.getMessage());
    } catch (BerthException e) {
      operation.check();
      return "no answer: " + e.getMessage();
    }
  }

  private static String describe(Http.Response response) {
    return response.status()
        + response.header("Docker-Content-Digest").map(digest -> " " + digest).orElse("");
  }

  private Http.Response head(URI url, Authorizer authorizer, Operation operation)
      throws IOException {
    Map<String, String> headers = new LinkedHashMap<>();
    headers.put("Accept", String.join(", ", MediaTypes.MANIFESTS));
    endpoint.headers().forEach((name, values) -> headers.put(name, String.join(", ", values)));
    authorizer.authorization().ifPresent(value -> headers.put("Authorization", value));
    return http.send(endpoint, "HEAD", url, headers, null, operation);
  }

  private static String schemeOf(String challenge) {
    return Challenge.parse(challenge)
        .map(parsed ->
            "it asks for "
                + parsed.scheme()
                + (parsed.parameter("realm").startsWith("http")
                    ? " from " + parsed.parameter("realm")
                    : ""))
        .orElse("it asks for something unknown");
  }

  private String source(Operation operation) {
    if (!(credentials.own() instanceof Credentials.Anonymous)) {
      return describe(credentials.own());
    }
    Credentials known = credentials.known(operation);
    return describe(known)
        + (known instanceof Credentials.Anonymous ? "" : " by the node's docker_config");
  }

  private static String describe(Credentials credentials) {
    return switch (credentials) {
      case Credentials.Anonymous _ -> "no credentials";
      case Credentials.Basic basic -> "a password of " + basic.username();
      case Credentials.IdentityToken _ -> "an identity token";
      case Credentials.RegistryToken _ -> "a registry token";
      case Credentials.ForServer server -> "credentials for " + server.serverAddress();
    };
  }

  private String capabilities() {
    return endpoint.capabilities().stream()
        .map(capability -> capability.name().toLowerCase(Locale.ROOT))
        .sorted()
        .collect(Collectors.joining(","));
  }

  private String tls() {
    if (endpoint.isPlainHttp()) {
      return "none, plain HTTP";
    }
    if (endpoint.tls().skipVerify()) {
      return "not verified";
    }
    return endpoint.tls().authorities().isEmpty()
        ? "verified by the machine's authorities"
        : "verified by the machine's authorities and " + endpoint.tls().authorities();
  }
}
